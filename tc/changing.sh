# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a tool needs besides that changes the system, and keeps records of it.

# shellcheck source=tc/place.sh
. "$library/place.sh"
# shellcheck source=tc/trust.sh
. "$library/trust.sh"
# shellcheck source=tc/enter.sh
. "$library/enter.sh"
# shellcheck source=tc/lock.sh
. "$library/lock.sh"
# shellcheck source=tc/plan.sh
. "$library/plan.sh"
# shellcheck source=tc/filter.sh
. "$library/filter.sh"
# shellcheck source=tc/shared.sh
. "$library/shared.sh"
# shellcheck source=tc/foreground.sh
. "$library/foreground.sh"
