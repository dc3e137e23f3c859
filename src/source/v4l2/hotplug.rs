//! Receives the kernel's device events over netlink, so that nobody has to poll for a camera.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket},
};

/// The multicast groups to join. The kernel sends an event as soon as a device exists; udev sends one once it has set
/// the device's permissions and made its links. Boards without udev have only the first.
const KERNEL_AND_UDEV: u32 = 1 | 2;

/// The line that marks the event of a camera.
const CAMERA_LINE: &[u8] = b"SUBSYSTEM=video4linux";

/// A subscription to device events. Readable when there are some.
#[derive(Debug)]
pub(super) struct HotplugMonitor(OwnedFd);

impl HotplugMonitor {
    /// Subscribes to all device events from now on.
    ///
    /// # Errors
    /// Fails if the system refuses the socket, as a sandbox without netlink does.
    pub(super) fn subscribe() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_AND_UDEV))?;
        Ok(Self(socket))
    }

    /// Reads all pending events. Returns whether one of them is a camera's. Does not block.
    pub(super) fn drain(&self) -> bool {
        let mut message = [0; 8192];
        let mut is_camera = false;
        loop {
            match recvfrom::<NetlinkAddr>(self.0.as_raw_fd(), &mut message) {
                // Any program can send a message to this one socket; only the kernel and root can send to a group.
                Ok((length, from)) if from.is_some_and(|from| from.groups() != 0) => {
                    is_camera |= is_camera_event(&message[..length]);
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => is_camera = true, // events were lost; a camera's may be among them
                Err(_) => return is_camera,              // mostly EAGAIN: there are no more
            }
        }
    }
}

impl AsFd for HotplugMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether an event is a camera's. Events of both groups hold lines that end in zero bytes; udev's have a header
/// before them.
fn is_camera_event(message: &[u8]) -> bool {
    message.split(|&byte| byte == 0).any(|line| line == CAMERA_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_kernel_and_of_udev_are_recognized() {
        let kernel = b"add@/devices/platform/vivid.0/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0SEQNUM=9\0";
        assert!(is_camera_event(kernel));
        let udev = b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0\x28\0\0\0\x30\0\0\0ACTION=add\0SUBSYSTEM=video4linux\0";
        assert!(is_camera_event(udev));
        assert!(!is_camera_event(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=usb\0"));
        assert!(!is_camera_event(b""));
    }
}
