//! How the board itself does, as far as its kernel says: temperature, power, memory.

use std::{fs, path::Path};

use super::sysfs;

/// Where the kernel lists sensors of voltage and temperature.
const SENSORS: &str = "/sys/class/hwmon";

/// Where the kernel lists what gets hot, and the devices that it throttles to keep cool.
const THERMAL: &str = "/sys/class/thermal";

/// Whether the voltage is or was too low, by the Raspberry Pi's own sensor: others with such an alarm measure something else.
#[must_use]
pub fn is_under_voltage() -> Option<bool> {
    entries(SENSORS).find_map(|sensor| {
        let is_own = sysfs::read(&sensor, "name")? == "rpi_volt";
        is_own.then(|| sysfs::read(&sensor, "in0_lcrit_alarm").map(|alarm| alarm != "0"))?
    })
}

/// Whether the kernel slows cores down now because they are hot. `None` if it cannot.
#[must_use]
pub fn is_throttled() -> Option<bool> {
    let states = entries(THERMAL).filter_map(|cooler| {
        let (kind, state) = (sysfs::read(&cooler, "type")?, sysfs::read(&cooler, "cur_state")?);
        kind.contains("cpufreq").then(|| state != "0")
    });
    states.reduce(|one, other| one || other)
}

/// The temperature of the hottest place that the kernel measures, in degrees Celsius.
#[must_use]
pub fn temperature_c() -> Option<f64> {
    let millidegrees = entries(THERMAL).filter_map(|zone| sysfs::read(&zone, "temp")?.parse::<i32>().ok());
    Some(f64::from(millidegrees.max()?) / 1000.0)
}

/// Bytes of memory that this process has.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn entries(folder: &str) -> impl Iterator<Item = std::path::PathBuf> {
    fs::read_dir(Path::new(folder)).into_iter().flatten().flatten().map(|entry| entry.path())
}
