// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of places. */
#include <dirent.h>
#include <sys/stat.h>
#include "trace.h"

const char *netns_name(uint32_t inode)
{
	static char name[256];
	DIR *folder = opendir("/run/netns");
	struct dirent *entry;
	struct stat status;
	bool is_found = false;

	while (folder && !is_found && (entry = readdir(folder))) {
		if (fstatat(dirfd(folder), entry->d_name, &status, 0) || status.st_ino != inode)
			continue;
		snprintf(name, sizeof(name), "%s", entry->d_name);
		is_found = true;
	}
	if (folder)
		closedir(folder);
	return is_found ? name : NULL;
}
