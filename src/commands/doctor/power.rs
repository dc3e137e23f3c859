//! Checks power and temperature, where the board reports them, as Raspberry Pis do.

use super::{Diagnostic, Machine};
use crate::system::board;

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let voltage = board::is_under_voltage().map(|is_low| {
        if is_low {
            Diagnostic::bad(
                "the voltage is or was too low: the board slows down and USB cameras disconnect; use the board's own power \
                 supply and a short cable",
            )
        } else {
            Diagnostic::good("the power supply holds its voltage")
        }
    });
    let throttled = board::is_throttled().filter(|is_throttled| *is_throttled).map(|_| {
        Diagnostic::bad("the kernel slows the cores down because the board is hot; give the board air or a heat sink")
    });
    voltage.into_iter().chain(throttled).collect()
}
