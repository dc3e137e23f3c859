//! The kernel's word that a camera came, over netlink: so nobody has to look again and again.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, socket},
};

/// Who speaks: the kernel, as soon as there is a device; and udev, once it has set the device's permissions and made
/// the links by which cameras are known. On boards without udev there is only the former.
const KERNEL_AND_UDEV: u32 = 1 | 2;

/// How cameras are called in these messages.
const OURS: &[u8] = b"SUBSYSTEM=video4linux";

/// Listens for devices from now on.
#[derive(Debug)]
pub(super) struct Hotplug(OwnedFd);

impl Hotplug {
    /// # Errors
    /// When the system refuses the socket: a sandbox without netlink.
    pub(super) fn listen() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_AND_UDEV))?;
        Ok(Self(socket))
    }

    /// Reads all that was said; whether a camera was spoken of. Does not wait.
    pub(super) fn heard(&self) -> bool {
        let mut message = [0; 8192];
        let mut ours = false;
        loop {
            match recvfrom::<NetlinkAddr>(self.0.as_raw_fd(), &mut message) {
                // Any program can send a message to this socket alone, only the kernel and root to all who listen.
                Ok((length, from)) if from.is_some_and(|from| from.groups() != 0) => {
                    ours |= is_of_a_camera(&message[..length]);
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::ENOBUFS) => ours = true, // so much was said that some is lost
                Err(_) => return ours,              // mostly EAGAIN: that was all
            }
        }
    }
}

impl AsFd for Hotplug {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether a message is of a camera. Both kinds are lines that end in zero bytes; udev's has a head before them.
fn is_of_a_camera(message: &[u8]) -> bool {
    message.split(|&byte| byte == 0).any(|line| line == OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_kernel_and_of_udev_are_understood() {
        let kernel = b"add@/devices/platform/vivid.0/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0SEQNUM=9\0";
        assert!(is_of_a_camera(kernel));
        let udev = b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0\x28\0\0\0\x30\0\0\0ACTION=add\0SUBSYSTEM=video4linux\0";
        assert!(is_of_a_camera(udev));
        assert!(!is_of_a_camera(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=usb\0"));
        assert!(!is_of_a_camera(b""));
    }
}
