//! The wall clock, which results and events bear the time of. Histogram do not depend on it.

use super::{Finding, Machine, output};

pub(super) fn check(_: &Machine) -> Vec<Finding> {
    let synchronised = output("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    vec![match synchronised.as_deref() {
        Some("yes") => Finding::good("the clock is synchronised"),
        Some(_) => Finding::hint(
            "the clock is not synchronised, so events may bear a wrong time: `timedatectl set-ntp true`, or see whether a \
             time server can be reached (`timedatectl timesync-status`)",
        ),
        None => Finding::hint("whether the clock is synchronised cannot be seen: timedatectl does not say"),
    }]
}
