//! A board that has nothing to do leaves its card alone.

use std::{net::TcpStream, time::Duration};

use super::{
    card::Card,
    machine::{Kind, Machine},
};
use crate::support::boards::brief_leaves_out;

pub(crate) fn nothing_is_written_in_ten_minutes() {
    if brief_leaves_out("ten idle minutes of the image") {
        return;
    }
    let card = Card::set_up("idle");
    let mut machine = Machine::start(Kind::Efi, &card);
    machine.wait_until_it_is_up();
    machine.wait_until_it_answers();
    let _silent = TcpStream::connect(machine.address()).expect("it answers");
    // What the start had to tell is on the card first.
    let idle = "
        sleep 60
        sync
        sleep 10
        read -ra before </sys/block/vda/stat
        touch /run/began
        sleep 600
        read -ra after </sys/block/vda/stat
        echo $((after[4] - before[4])) writes, $((after[11] - before[11])) discards
        find /data -newer /run/began -print
        grep -h ^Mem /proc/meminfo";
    let output = machine.run_within(idle, Duration::from_secs(1200));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("0 writes, 0 discards\n"), "{told}");
    machine.note(&told.split_whitespace().collect::<Vec<_>>().join(" "));
}
