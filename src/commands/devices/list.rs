//! What there is.

use std::io;

use serde::Serialize;

use crate::{
    config::DeviceName,
    source::v4l2::{
        description::Description,
        device::Device,
        identify::{self, Node, Usb, stable_names},
    },
};

/// A node, and what it is.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    /// `/dev/video0`.
    pub(super) path: String,
    /// Names for `camera.v4l2.device`, the one that stays the same longest first.
    pub(super) names: Vec<String>,
    /// If it is plugged into USB: what it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    usb: Option<Usb>,
    /// What it is.
    #[serde(flatten)]
    pub(super) what: What,
}

/// What a node is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// It gives pictures.
    Camera(Description),
    /// It gives something else: descriptions of pictures, mostly. With its name.
    Other(String),
    /// It cannot be looked at, for this reason.
    Closed(String),
}

/// All nodes there are.
pub(super) fn all() -> io::Result<Vec<Listed>> {
    Ok(identify::nodes()?.into_iter().map(look).collect())
}

fn look(node: Node) -> Listed {
    let Node { path, name, usb, .. } = node;
    let what = match Device::open(&path, None) {
        Ok(device) if device.captures() => What::Camera(device.describe()),
        Ok(_) => What::Other(name),
        Err(error) => What::Closed(error.to_string()),
    };
    let links = stable_names(&path).into_iter().map(|link| link.display().to_string());
    let by_number = usb.clone().map(|Usb { vendor, product, serial }| DeviceName::Usb { vendor, product, serial });
    let names = links.chain(by_number.map(|name| name.to_string())).collect();
    Listed { path: path.display().to_string(), names, usb, what }
}
