//! Which device a camera is: its nodes, the names by which it stays known, and who has it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{config::DeviceName, system::sysfs};

/// Where the kernel lists the nodes.
const NODES: &str = "/sys/class/video4linux";

/// Where udev makes links whose names stay the same: by what the camera is, and by where it is plugged in.
const LINKS: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

/// A node as the kernel lists it. A camera can have several, of which one gives pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `/dev/video0`.
    pub path: PathBuf,
    /// Its number among the camera's.
    pub index: u32,
    /// What it is called.
    pub name: String,
    /// If it is plugged into USB: what it is there.
    pub usb: Option<Usb>,
}

/// A device on USB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Usb {
    /// The maker's number.
    pub vendor: u16,
    /// The maker's number of the product.
    pub product: u16,
    /// The number of this very piece, if it has one. Cheap cameras share theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// A program that has a device open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

/// All nodes there are, lowest number first.
///
/// # Errors
/// When the kernel's list cannot be read. That there is none is not an error: no camera was ever plugged in.
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
            continue; // a radio, or the like
        };
        let path = Path::new("/dev").join(&name);
        let index = sysfs::read(&folder, "index").and_then(|index| index.parse().ok()).unwrap_or(0);
        let name = sysfs::read(&folder, "name").unwrap_or_default();
        nodes.push((number, Node { path, index, name, usb: usb(&folder.join("device")) }));
    }
    nodes.sort_by_key(|(number, _)| *number);
    Ok(nodes.into_iter().map(|(_, node)| node).collect())
}

/// The USB device that `device`, an interface of it, belongs to.
fn usb(device: &Path) -> Option<Usb> {
    let device = fs::canonicalize(device).ok()?;
    let hexadecimal = |folder: &Path, name| u16::from_str_radix(&sysfs::read(folder, name)?, 16).ok();
    device.ancestors().take(3).find_map(|folder| {
        let (vendor, product) = (hexadecimal(folder, "idVendor")?, hexadecimal(folder, "idProduct")?);
        Some(Usb { vendor, product, serial: sysfs::read(folder, "serial").filter(|serial| !serial.is_empty()) })
    })
}

/// The nodes that a name may mean, best first. Of a path that is the path itself, whether it is there or not.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn candidates(name: &DeviceName) -> io::Result<Vec<PathBuf>> {
    match name {
        DeviceName::Path(path) => Ok(vec![path.clone()]),
        DeviceName::Usb { vendor, product, serial } => {
            let mut nodes = nodes()?;
            nodes.retain(|node| {
                node.usb.as_ref().is_some_and(|usb| {
                    let is_piece = serial.is_none() || *serial == usb.serial;
                    usb.vendor == *vendor && usb.product == *product && is_piece
                })
            });
            nodes.sort_by_key(|node| node.index);
            Ok(nodes.into_iter().map(|node| node.path).collect())
        }
    }
}

/// The names by which a node stays known, the best first: links of udev that lead to it.
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

/// The programs that have a node open, as far as this user may see.
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
