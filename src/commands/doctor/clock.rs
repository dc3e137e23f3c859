//! Checks that the wall clock is synchronised: results and events carry its time. Ages do not depend on it.

use super::{Diagnostic, Machine, output};

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let synchronised = output("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    vec![match synchronised.as_deref() {
        Some("yes") => Diagnostic::good("the clock is synchronised"),
        Some(_) => Diagnostic::hint(
            "the clock is not synchronised, so events may have a wrong time; run `timedatectl set-ntp true`, and check \
             that a time server answers (`timedatectl timesync-status`)",
        ),
        None => Diagnostic::hint("cannot check the clock: timedatectl gives no answer"),
    }]
}
