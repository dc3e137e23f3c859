//! Sets controls and reads them back.

use crate::source::v4l2::{
    control_plan::{self, ControlValues, Mismatch, Setting},
    device::Device,
};

/// Sets the `wanted` controls and reads them back. Returns those that do not have their wanted values.
///
/// Blocks as long as the driver does.
pub(super) fn apply_controls(device: &Device, wanted: &ControlValues) -> Vec<Mismatch> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let offered = device.controls();
    let (settings, mut mismatches) = control_plan::plan(&offered, wanted);
    let set = |setting: &Setting<'_>| device.set_value(setting.control.id, setting.value);
    let mut rejected: Vec<_> = settings.iter().filter(|setting| set(setting).is_err()).collect();
    // Retry: a control may have become writable through one that was set after it.
    rejected.retain(|setting| {
        let Err(errno) = set(setting) else { return false };
        let is_inactive = device.controls().iter().any(|control| control.id == setting.control.id && control.inactive);
        mismatches.push(control_plan::rejected(setting, &errno.desc(), is_inactive));
        true
    });
    for setting in settings.iter().filter(|setting| !rejected.contains(setting)) {
        if let Ok(value) = device.value(setting.control.id) {
            mismatches.extend(control_plan::compare(setting, value));
        }
    }
    mismatches
}
