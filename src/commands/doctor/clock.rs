//! Checks that the wall clock is synchronised: results and events carry its time. Ages do not depend on it.

use super::{Diagnostic, Machine, output};

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let synchronised = output("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    vec![match synchronised.as_deref() {
        Some("yes") => Diagnostic::good("the clock is synchronised"),
        Some(_) => Diagnostic::hint(
            "the clock is not synchronised, so events may bear a wrong time: `timedatectl set-ntp true`, or see whether a \
             time server can be reached (`timedatectl timesync-status`)",
        ),
        None => Diagnostic::hint("whether the clock is synchronised cannot be seen: timedatectl does not say"),
    }]
}
