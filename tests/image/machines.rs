//! A machine of another kind than the other scenarios have.

use super::{
    card::Card,
    machine::{Kind, Machine},
};
use crate::support::boards::brief_leaves_out;

/// Asks the daemon, on the board, as a browser would that went to the wrong port.
const FIRST_BYTES: &str =
    r"exec 4<>/dev/tcp/127.0.0.1/8999; printf 'GET / HTTP/1.1\r\nHost: board\r\n\r\n' >&4; head -c 8 <&4";

/// Counts the ports that others than the board itself could reach.
const OPEN_PORTS: &str = r"ss --no-header --listening --tcp --numeric | grep -cvE ' (127\.[0-9.]+(%lo)?|\[::1\]):'";

/// Its own firmware is not emulated; U-Boot and all that follows is. Without a network, it is asked at its serial console, where systemd
/// is told to put a shell. So the card can be as it comes, but for that and for its name.
pub(crate) fn a_raspberry_pi_3b_answers() {
    if brief_leaves_out("a machine as a Raspberry Pi 3B") {
        return;
    }
    let card = Card::new("raspberry-pi");
    card.put("hostname", "pi\n");
    let grub = card.take_from("EFI/debian/grub.cfg").expect("it starts from there");
    card.put_at("EFI/debian/grub.cfg", grub.replace(" loglevel=5", " loglevel=4 systemd.debug_shell=ttyS1").as_bytes());
    let mut machine = Machine::start(Kind::RaspberryPi3b, &card);
    machine.wait_for_console("Reached target \x1b[0;1;39mmulti-user.target");
    machine.note(&format!("up {:.0} s after it was switched on", machine.age().as_secs_f64()));
    assert_eq!(machine.ask_at_console("systemctl is-system-running --wait"), "running");
    assert_eq!(machine.ask_at_console("systemctl is-active fovea"), "active");
    assert_eq!(machine.ask_at_console(FIRST_BYTES), "HTTP/1.1");
    // Nobody can come in.
    assert_eq!(machine.ask_at_console("systemctl is-active ssh"), "inactive");
    assert_eq!(machine.ask_at_console(OPEN_PORTS), "0");
    // It has neither a clock nor a network to ask, but it is not before the image was made.
    let clock = "[ $(date +%s) -ge $(stat --format=%Y /usr/lib/clock-epoch) ] && date +%Y";
    assert!(machine.ask_at_console(clock).starts_with("20"), "{}", machine.ask_at_console("date"));
    // One of its four cores is for fovea's processor alone.
    assert_eq!(
        machine.ask_at_console("hostname; nproc --all; nproc; cat /proc/device-tree/model | tr '\\0' ' '"),
        "pi\r\n4\r\n3\r\nRaspberry Pi 3 Model B "
    );
}
