// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unloadable.c - an object in which one program is one that no kernel takes.
 *
 *   unloadable OBJECT PROGRAM COPY
 *
 * COPY is OBJECT, but for the last instruction of PROGRAM, which is no "exit" any more: the
 * verifier says so (last insn is not an exit or jmp).
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/bpf.h>

struct image {
	unsigned char *bytes;
	size_t size;
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "unloadable: %s %s\n", what, name);
	exit(1);
}

static struct image image_read(const char *path)
{
	struct image image = {};
	struct stat status;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status))
		die("cannot open", path);
	image.size = status.st_size;
	image.bytes = malloc(image.size);
	if (!image.bytes || read(fd, image.bytes, image.size) != (ssize_t)image.size)
		die("cannot read", path);
	close(fd);
	return image;
}

static void image_write(const struct image *image, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file || fwrite(image->bytes, 1, image->size, file) != image->size || fclose(file))
		die("cannot write", path);
}

static const Elf64_Shdr *section(const struct image *image, unsigned int index)
{
	const Elf64_Ehdr *header = (const void *)image->bytes;

	if (index >= header->e_shnum)
		die("no such section in", "the object");
	return (const void *)(image->bytes + header->e_shoff + index * sizeof(Elf64_Shdr));
}

static const Elf64_Shdr *symbol_table(const struct image *image)
{
	const Elf64_Ehdr *header = (const void *)image->bytes;

	for (unsigned int i = 0; i < header->e_shnum; i++)
		if (section(image, i)->sh_type == SHT_SYMTAB)
			return section(image, i);
	return NULL;
}

/* Where the program ends in the file. */
static size_t program_end(const struct image *image, const char *name)
{
	const Elf64_Shdr *table = symbol_table(image), *names;
	const Elf64_Sym *symbols;

	if (!table)
		die("no symbols for", name);
	names = section(image, table->sh_link);
	symbols = (const void *)(image->bytes + table->sh_offset);
	for (size_t i = 0; i < table->sh_size / sizeof(*symbols); i++) {
		const char *text =
			(const char *)image->bytes + names->sh_offset + symbols[i].st_name;

		if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && !strcmp(text, name))
			return section(image, symbols[i].st_shndx)->sh_offset +
			       symbols[i].st_value + symbols[i].st_size;
	}
	die("no program", name);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct bpf_insn clear = { .code = BPF_ALU64 | BPF_MOV | BPF_K };
	struct image image;

	if (argc != 4) {
		fprintf(stderr, "usage: unloadable OBJECT PROGRAM COPY\n");
		return 2;
	}
	image = image_read(argv[1]);
	memcpy(image.bytes + program_end(&image, argv[2]) - sizeof(clear), &clear, sizeof(clear));
	image_write(&image, argv[3]);
	return 0;
}
