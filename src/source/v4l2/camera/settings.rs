//! Controls are set, and read back.

use crate::source::v4l2::{
    controls::{self, Mismatch, Setting, Wanted},
    device::Device,
};

/// Sets controls and reads them back; gives what is not as it should be.
pub(super) fn apply(device: &Device, wanted: &Wanted) -> Vec<Mismatch> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let offered = device.controls();
    let (settings, mut mismatches) = controls::plan(&offered, wanted);
    let set = |setting: &Setting<'_>| device.set_value(setting.control.id, setting.value);
    let mut refused: Vec<_> = settings.iter().filter(|setting| set(setting).is_err()).collect();
    // Once more: one may have become possible by another that was set after it.
    refused.retain(|setting| {
        let Err(errno) = set(setting) else { return false };
        let is_inactive = device.controls().iter().any(|control| control.id == setting.control.id && control.inactive);
        mismatches.push(controls::refused(setting, &errno.desc(), is_inactive));
        true
    });
    for setting in settings.iter().filter(|setting| !refused.contains(setting)) {
        if let Ok(found) = device.value(setting.control.id) {
            mismatches.extend(controls::reading(setting, found));
        }
    }
    mismatches
}
