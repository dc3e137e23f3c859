//! Checks each configured V4L2 camera: whether it opens, offers the format and controls wanted, and is free.

use std::{io, path::Path};

use nix::errno::Errno;

use super::{Diagnostic, Machine};
use crate::{
    config::{Camera, V4l2},
    source::v4l2::{
        control_plan,
        device::Device,
        identify::{self, User},
        negotiate::{RequestedMode, choose_mode, describe, shortfall},
    },
};

pub(super) fn check(machine: &Machine) -> Vec<Diagnostic> {
    let cameras = machine.config.iter().flat_map(|config| &config.cameras);
    cameras
        .filter_map(|camera| Some((camera, camera.v4l2.as_ref()?)))
        .flat_map(|(camera, v4l2)| check_camera(camera, v4l2))
        .collect()
}

fn check_camera(camera: &Camera, v4l2: &V4l2) -> Vec<Diagnostic> {
    let (name, device) = (&camera.name, &v4l2.device);
    let candidates = identify::candidates(device).unwrap_or_default();
    let Some(path) = candidates.iter().find(|path| path.exists()) else {
        return vec![Diagnostic::bad(format!(
            "{name}: {device} is not there; `fovea devices` lists what is plugged in, and `sudo dmesg` shows what was unplugged"
        ))];
    };
    let opened = candidates.iter().find_map(|path| Device::open(path, None).ok().filter(Device::can_capture));
    let Some(opened) = opened else { return vec![cannot_open(name, path)] };
    let mut diagnostics = vec![check_format(camera, v4l2, path, &opened)];
    let (_, mismatches) = control_plan::plan(&opened.controls(), &v4l2.controls);
    diagnostics.extend(mismatches.iter().map(|mismatch| Diagnostic::bad(format!("{name}: {mismatch}"))));
    drop(opened);
    diagnostics.push(check_users(name, path));
    diagnostics
}

fn cannot_open(name: &str, path: &Path) -> Diagnostic {
    let shown = path.display();
    Diagnostic::bad(match Device::open(path, None) {
        Ok(_) => format!("{name}: {shown} captures no pictures; `fovea devices` lists the devices that do"),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "{name}: this user may not open {shown}; run `sudo usermod --append --groups video $USER` and log in again, or run \
             `sudo fovea doctor`"
        ),
        Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => {
            format!("{name}: {shown} is busy{}", used_by(&identify::users(path)))
        }
        Err(error) => format!("{name}: cannot open {shown}: {error}"),
    })
}

/// Checks what the camera offers. It sets nothing: the camera may be in use.
fn check_format(camera: &Camera, v4l2: &V4l2, path: &Path, device: &Device) -> Diagnostic {
    let wanted = RequestedMode::new(v4l2, !camera.stages.names().is_empty());
    let (name, offers, shown) = (&camera.name, device.formats(), path.display());
    match choose_mode(&offers, &wanted) {
        Err(why) => Diagnostic::bad(format!("{name}: {shown}: {why}")),
        Ok(choice) => match shortfall(&offers, &wanted, &choice) {
            Some(shortfall) => Diagnostic::hint(format!("{name}: {shown} {shortfall}")),
            None => Diagnostic::good(format!("{name}: {shown} offers {}", describe(&choice))),
        },
    }
}

/// Checks that no other program has the camera open.
fn check_users(name: &str, path: &Path) -> Diagnostic {
    let (shown, users) = (path.display(), identify::users(path));
    if users.iter().all(|user| user.program == "fovea") {
        return Diagnostic::good(format!("{name}: no other program has {shown} open, as far as this user can see"));
    }
    Diagnostic::bad(format!(
        "{name}: {shown} is in use{}; fovea cannot stream while that program streams",
        used_by(&users)
    ))
}

/// `, by guvcview (process 812)`
fn used_by(users: &[User]) -> String {
    if users.is_empty() {
        return ", by a program that only root can see (run `sudo fovea doctor`)".to_owned();
    }
    let users: Vec<_> = users.iter().map(|User { program, pid }| format!("{program} (process {pid})")).collect();
    format!(", by {}", users.join(", "))
}
