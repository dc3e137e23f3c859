//! Checks power and temperature, where the board reports them, as Raspberry Pis do.

use std::{fs, path::Path};

use super::{Diagnostic, Machine};
use crate::system::sysfs;

/// Where the kernel lists sensors of voltage and temperature.
const SENSORS: &str = "/sys/class/hwmon";

/// Where the kernel lists the devices that it throttles to keep cool.
const COOLING: &str = "/sys/class/thermal";

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let sensors = fs::read_dir(SENSORS).into_iter().flatten().flatten();
    let voltage = sensors.filter_map(|sensor| under_voltage(&sensor.path())).next();
    let coolers = fs::read_dir(COOLING).into_iter().flatten().flatten();
    let throttled = coolers.filter_map(|cooler| throttling(&cooler.path())).next();
    voltage.into_iter().chain(throttled).collect()
}

/// The state of the Raspberry Pi's own sensor. Other sensors with such an alarm measure something else.
fn under_voltage(sensor: &Path) -> Option<Diagnostic> {
    if sysfs::read(sensor, "name")? != "rpi_volt" {
        return None;
    }
    Some(if sysfs::read(sensor, "in0_lcrit_alarm")? == "0" {
        Diagnostic::good("the power supply holds its voltage")
    } else {
        Diagnostic::bad(
            "the voltage is or was too low: the board slows down and USB cameras disconnect; use the board's own power \
             supply and a short cable",
        )
    })
}

/// A diagnostic if this is a core's cooling device and throttles it now.
fn throttling(cooler: &Path) -> Option<Diagnostic> {
    let (kind, state) = (sysfs::read(cooler, "type")?, sysfs::read(cooler, "cur_state")?);
    (kind.contains("cpufreq") && state != "0").then(|| {
        Diagnostic::bad("the kernel slows the cores down because the board is hot; give the board air or a heat sink")
    })
}
