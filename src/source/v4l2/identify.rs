//! Identifies devices: the nodes that a configured name means, their stable names, and the programs that have them
//! open.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{config::DeviceName, system::sysfs};

/// The kernel's list of device nodes.
const NODES: &str = "/sys/class/video4linux";

/// The folders of udev's links with stable names: by what the camera is, and by where it is connected.
const LINKS: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

/// A device node as the kernel lists it. A camera can have several, of which one captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The path: `/dev/video0`.
    pub path: PathBuf,
    /// The node's number among those of the camera.
    pub index: u32,
    /// The device's name.
    pub name: String,
    /// The USB device, if it is one.
    pub usb: Option<Usb>,
}

/// What identifies a USB device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Usb {
    /// The vendor's ID.
    pub vendor: u16,
    /// The product's ID.
    pub product: u16,
    /// The serial number, if it has one. Cheap cameras of one model share theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// A process that has a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The program's name.
    pub program: String,
    /// The process ID.
    pub pid: u32,
}

/// Lists all nodes, lowest number first.
///
/// # Errors
/// Fails if the kernel's list cannot be read. A missing list is no error: no camera was ever connected.
pub fn nodes() -> io::Result<Vec<Node>> {
    nodes_in(Path::new(NODES))
}

fn nodes_in(folder: &Path) -> io::Result<Vec<Node>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut nodes = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (name, folder) = (entry.file_name(), entry.path());
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix("video")?.parse::<u32>().ok()) else {
            continue; // such as a radio
        };
        let path = Path::new("/dev").join(&name);
        let index = sysfs::read(&folder, "index").and_then(|index| index.parse().ok()).unwrap_or(0);
        let name = sysfs::read(&folder, "name").unwrap_or_default();
        nodes.push((number, Node { path, index, name, usb: usb(&folder.join("device")) }));
    }
    nodes.sort_by_key(|(number, _)| *number);
    Ok(nodes.into_iter().map(|(_, node)| node).collect())
}

/// Returns the USB device that `device`, one of its interfaces, belongs to.
fn usb(device: &Path) -> Option<Usb> {
    let device = fs::canonicalize(device).ok()?;
    let hexadecimal = |folder: &Path, name| u16::from_str_radix(&sysfs::read(folder, name)?, 16).ok();
    device.ancestors().take(3).find_map(|folder| {
        let (vendor, product) = (hexadecimal(folder, "idVendor")?, hexadecimal(folder, "idProduct")?);
        Some(Usb { vendor, product, serial: sysfs::read(folder, "serial").filter(|serial| !serial.is_empty()) })
    })
}

/// Returns the nodes that a configured name may mean, best first. For a path it is that path, whether it exists or not.
///
/// # Errors
/// Fails if the kernel's list cannot be read.
pub fn candidates(name: &DeviceName) -> io::Result<Vec<PathBuf>> {
    match name {
        DeviceName::Path(path) => Ok(vec![path.clone()]),
        DeviceName::Usb { vendor, product, serial } => {
            let mut nodes = nodes()?;
            nodes.retain(|node| {
                node.usb.as_ref().is_some_and(|usb| {
                    let has_serial = serial.is_none() || *serial == usb.serial;
                    usb.vendor == *vendor && usb.product == *product && has_serial
                })
            });
            nodes.sort_by_key(|node| node.index);
            Ok(nodes.into_iter().map(|node| node.path).collect())
        }
    }
}

/// Returns the stable names of a node, best first: udev's links to it.
#[must_use]
pub fn stable_names(node: &Path) -> Vec<PathBuf> {
    let Ok(node) = fs::canonicalize(node) else { return Vec::new() };
    let links = LINKS.iter().filter_map(|folder| fs::read_dir(folder).ok());
    links
        .flat_map(|links| {
            let mut links: Vec<_> = links.flatten().map(|link| link.path()).collect();
            links.sort();
            links
        })
        .filter(|link| fs::canonicalize(link).is_ok_and(|target| target == node))
        .collect()
}

/// Returns the other processes that have a node open, as far as this user may see them.
#[must_use]
pub fn users(node: &Path) -> Vec<User> {
    let Ok(node) = fs::canonicalize(node) else { return Vec::new() };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let pid: u32 = process.file_name().to_str()?.parse().ok()?;
            let mut open = fs::read_dir(process.path().join("fd")).ok()?.flatten();
            open.any(|file| fs::read_link(file.path()).is_ok_and(|target| target == node)).then_some(pid)
        })
        .filter(|pid| *pid != std::process::id())
        .map(|pid| User {
            program: sysfs::read(&Path::new("/proc").join(pid.to_string()), "comm").unwrap_or_default(),
            pid,
        })
        .collect()
}
