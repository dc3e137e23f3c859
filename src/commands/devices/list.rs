//! The V4L2 nodes of this machine, and what each of them is.

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

/// A node as `fovea devices --json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct ListedNode {
    /// `/dev/video0`.
    pub(super) path: String,
    /// Names for `camera.v4l2.device`, the most stable one first.
    pub(super) names: Vec<String>,
    /// Its USB identity, if it is a USB device.
    #[serde(skip_serializing_if = "Option::is_none")]
    usb: Option<Usb>,
    /// What it is.
    #[serde(flatten)]
    pub(super) kind: NodeKind,
}

/// What a node is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeKind {
    /// It captures pictures.
    Camera(Description),
    /// It captures no pictures but, mostly, metadata of pictures. With its name.
    Other(String),
    /// It does not open, for this reason.
    Closed(String),
}

/// All nodes of this machine.
pub(super) fn all() -> io::Result<Vec<ListedNode>> {
    Ok(identify::nodes()?.into_iter().map(inspect).collect())
}

/// Opens the node and asks it what it is.
fn inspect(node: Node) -> ListedNode {
    let Node { path, name, usb, .. } = node;
    let kind = match Device::open(&path, None) {
        Ok(device) if device.can_capture() => NodeKind::Camera(device.describe()),
        Ok(_) => NodeKind::Other(name),
        Err(error) => NodeKind::Closed(error.to_string()),
    };
    let links = stable_names(&path).into_iter().map(|link| link.display().to_string());
    let usb_name = usb.clone().map(|Usb { vendor, product, serial }| DeviceName::Usb { vendor, product, serial });
    let names = links.chain(usb_name.map(|name| name.to_string())).collect();
    ListedNode { path: path.display().to_string(), names, usb, kind }
}
