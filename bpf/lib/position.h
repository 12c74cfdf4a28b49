/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_POSITION_H
#define VSH_POSITION_H

struct position {
	double latitude, longitude; /* degrees, north and east: -90..90, -180..180 */
};

/* "52.5,13.4": 0 or -EINVAL. Pure. */
int position_parse(const char *word, struct position *position);

#endif
