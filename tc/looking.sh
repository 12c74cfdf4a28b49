# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every tool needs. $library is the folder of this file.

# shellcheck source=tc/run.sh
. "$library/run.sh"
# shellcheck source=tc/command.sh
. "$library/command.sh"
# shellcheck source=tc/paths.sh
. "$library/paths.sh"
# shellcheck source=tc/doctor.sh
. "$library/doctor.sh"
