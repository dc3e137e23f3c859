//! A card that was just written, set up in its folder, and put into a machine.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::Command,
    time::Instant,
};

use super::{
    card::Card,
    machine::{AS_AT_THE_START, Kind, Machine, public_key},
};
use crate::support::boards::{CONFIG, results_of_film};

/// As another system's editor writes it.
const NETWORK: &str = "[Match]\r\nType=ether\r\n\r\n[Network]\r\nDHCP=yes\r\nMulticastDNS=yes\r\n";
const SOURCE: &str = "# the gate\r\nURL=http://192.0.2.1/stream\r\n";
const WIFI: &str = "ctrl_interface=DIR=/run/wpa_supplicant GROUP=netdev\ncountry=DE\nnetwork={\n    ssid=\"nowhere\"\n    psk=\"not a secret\"\n}\n";

/// As `os-release` has it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A broker that is not there, and a password for it.
const MQTT: &str =
    "[mqtt]\nurl = \"mqtt://127.0.0.1\"\nusername = \"door\"\npassword_file = \"secrets/mqtt.password\"\n";

/// The page for everybody, too.
const HTTP: &str = "[http]\nlisten = \"0.0.0.0:8080\"\nallow_anonymous = true\n";

/// What `status.txt` says of that. The emulator gives the address.
const STATUS: &str = "
Address          10.0.2.15
Page             http://door1.local:8080/
                 http://10.0.2.15:8080/
Cameras send to  ws://door1.local:8999/
                 ws://10.0.2.15:8999/
Log in           ssh root@door1.local
From the card    fovea.toml, hostname, authorized_keys, secrets, network, sources
";
const PAGE: &str = "http://door1.local:8080/";

/// A picture of a street.
const PICTURE: &str = "deploy/pictures/street.jpg";

/// What the beginning of a file says of the rest.
const PRIVATE_KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// Names the interrupts that core 3 may be given. Of those that are a core's own the kernel takes no list, not even the one that they have.
/// Those of the network's queues are left out: the driver lists all cores if it is there later than fovea-core, and the first of them has it.
const INTERRUPTS_LEFT: &str = "
    for file in /proc/irq/*/smp_affinity_list; do
        compgen -G ${file%/*}'/virtio*put.*' >/dev/null && continue
        list=$(<$file)
        [[ $list != *3* ]] || ! echo $list 2>/dev/null >$file || echo $file $list
    done";

/// How the first part of a name is in a message of DNS: after its length. What follows may be a pointer to where the message
/// had it before.
fn in_dns(part: &str) -> Vec<u8> {
    [&[u8::try_from(part.len()).expect("short")], part.as_bytes()].concat()
}

pub(crate) fn what_the_card_says_is_taken_over() {
    let card = Card::set_up("first-boot");
    card.put("hostname", "door1\r\n");
    let configuration = format!("{HTTP}{MQTT}{CONFIG}");
    card.put("fovea.toml", &configuration);
    card.put("secrets/mqtt.password", "open sesame\r\n");
    card.put("network/10-lan.network", NETWORK);
    card.put("network/wpa_supplicant.conf", WIFI);
    card.put("sources/gate.conf", SOURCE);
    let [number, serial] = card.numbers();
    assert_eq!(format!("{serial:08x}"), format!("{number:08x}"), "another system takes two cards for the same");
    let packets = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("first-boot.pcap");
    let mut machine = Machine::start_as(Kind::Efi, &card, |command| {
        command.args(["-smp", "4", "-object", &format!("filter-dump,id=dump,netdev=net,file={}", packets.display())]);
    });
    machine.wait_until_it_answers();
    let first_result = sees(&machine);

    machine.wait_until_it_is_up();
    tell(&machine, first_result);
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    assert_eq!(machine.hear("journalctl --boot --quiet --priority err --output cat"), "", "no error at the start");
    assert_eq!(machine.ask("cat /etc/default/locale"), "LANG=C.UTF-8");
    assert_eq!(machine.ask(". /etc/os-release; echo $ID $IMAGE_ID $IMAGE_VERSION"), format!("debian fovea {VERSION}"));
    machine.ask("grep --quiet '\"libjpeg-turbo\"' /usr/share/sbom/fovea-image.spdx.json");
    assert_eq!(machine.ask("hostname"), "door1");
    assert_eq!(machine.ask("cat /etc/fovea/fovea.toml"), configuration.trim());
    assert_eq!(machine.ask("cat /etc/systemd/network/10-lan.network"), NETWORK.replace('\r', "").trim());
    assert_eq!(machine.ask("cat /etc/fovea/sources/gate.conf"), SOURCE.replace('\r', "").trim());
    assert_eq!(machine.ask("stat --format=%a /etc/fovea/sources/gate.conf"), "600");
    assert_eq!(machine.ask("stat --format='%a %U' /etc/fovea/secrets/mqtt.password"), "600 fovea");
    machine.wait_for(
        "journalctl --quiet --boot --unit fovea --grep 'mqtt: no connection to 127.0.0.1:1883' | grep --quiet .",
    );
    machine.wait_for("journalctl --quiet --boot CAMERA=gate SYSLOG_IDENTIFIER=fovea-source | grep --quiet .");
    machine.ask("systemctl is-active fovea-source@gate");
    machine.ask("networkctl status 'e*' | grep -q /etc/systemd/network/10-lan.network");
    assert_eq!(machine.ask("grep -cE '^[0-9a-f]{32}$' /etc/machine-id"), "1");

    // The card is the owner's from end to end, and nothing of the system can be changed.
    assert_eq!(
        machine.ask("echo $(($(</sys/block/vda/vda4/start) + $(</sys/block/vda/vda4/size)))"),
        machine.ask("cat /sys/block/vda/size")
    );
    let mebibytes: u32 = machine.ask("df --output=size -BM /data | tail -n 1 | tr -dc 0-9").parse().expect("a number");
    assert!(mebibytes > 1000, "the file system has {mebibytes} MiB");
    assert_eq!(machine.ask("findmnt --noheadings --output FSTYPE,OPTIONS / | cut -d , -f 1"), "squashfs ro");

    // There are four cores: one is the processor's alone.
    assert_eq!(machine.ask("systemctl is-active fovea-core"), "active");
    assert_eq!(
        machine.ask("systemctl show --property TimeoutStartUSec --value fovea-core"),
        "1min",
        "fovea waits for it"
    );
    assert_eq!(machine.ask("cat /sys/fs/cgroup/system.slice/cpuset.cpus.effective"), "0-2");
    assert_eq!(machine.hear(INTERRUPTS_LEFT), "", "these interrupts could be handled elsewhere");
    machine.ask("grep --quiet --line-regexp 0-2 /proc/irq/*/smp_affinity_list");

    // Nobody has a password, and nobody is asked for one.
    assert_eq!(machine.hear("cut -d : -f 2 /etc/shadow | grep -v '^!\\?\\*$'"), "");
    assert!(!machine.offers_passwords());
    assert!(!machine.forwards(), "a stranger's program reaches what only the board itself may");

    // A radio joins what it was told to, or tries to.
    machine.ask("modprobe mac80211_hwsim radios=1");
    machine.wait_for("wpa_cli -i wlan0 status | grep --quiet wpa_state=");
    assert_eq!(machine.ask("systemctl show --property NRestarts --value wpa_supplicant@wlan0"), "0");

    // It asks first whether somebody else has its name, and tells it then.
    for name in ["door1", "_fovea", "_http"] {
        let part = in_dns(name);
        machine.wait_until(&format!("the board announces {name}"), |_| {
            let heard = fs::read(&packets).expect("the emulator writes it");
            heard.windows(part.len()).any(|bytes| bytes == part)
        });
    }
    says_how_it_is(&card, &mut machine);
    machine.cut_power();
    assert_eq!(card.take("report.txt"), None);
}

/// What is in `status.txt`, once it is there. As seen from outside of the machine, its name can be on the card before its text.
fn status_on(card: &Card, machine: &mut Machine) -> String {
    let whole = || card.take("status.txt").filter(|status| status.contains("\nFrom the card "));
    machine.wait_until("status.txt is on the card", |_| whole().is_some());
    whole().expect("it was there")
}

/// Without a network: on the card, at the serial line, and at the screen.
fn says_how_it_is(card: &Card, machine: &mut Machine) {
    let status = status_on(card, machine);
    assert!(status.starts_with(&format!("fovea {VERSION} on the board \"door1\"")), "{status}");
    assert!(status.ends_with(STATUS), "{status}");
    machine.wait_for_console(PAGE);
    machine.wait_for(&format!("tr '\\0' ' ' </dev/vcs1 | grep --quiet {PAGE}"));

    // Others add to it. What is the same is not written again.
    let written = "journalctl --boot --unit show-status --grep 'wrote status.txt' --output cat | wc -l";
    assert_eq!(machine.hear(written), "1");
    let writes = "read -ra all </sys/block/vda/vda1/stat; echo ${all[4]}";
    let (before, said) = (machine.ask(writes), machine.said(PAGE));
    machine.ask("systemctl restart show-status");
    machine.wait_until("it says so again", |machine| machine.said(PAGE) > said);
    assert_eq!(machine.ask(writes), before, "it was written again");
    machine.ask("mkdir /run/fovea-image/status.d && echo 'Owner: somebody' >/run/fovea-image/status.d/owner");
    machine.ask("systemctl restart show-status");
    machine.wait_until("the owner is on the card", |_| {
        card.take("status.txt").is_some_and(|status| status.ends_with(&format!("{STATUS}\nOwner: somebody\n")))
    });
}

/// Frames from here give results. The moment of the first one.
fn sees(machine: &Machine) -> Instant {
    let (mut boxes, mut first) = (0, None);
    for result in results_of_film(machine.address(), 40) {
        first.get_or_insert_with(Instant::now);
        boxes += result["motion"]["boxes"].as_array().map_or(0, Vec::len);
    }
    assert!(boxes > 0, "people walk there");
    first.expect("there was a frame")
}

/// Says how long the first result took, by the clock of the machine.
fn tell(machine: &Machine, first_result: Instant) {
    let seconds = |command| machine.ask(command).parse::<f64>().expect("a number of seconds");
    let first_result = seconds("cut -d ' ' -f 1 /proc/uptime") - first_result.elapsed().as_secs_f64();
    let kernel = seconds("dmesg | sed -n 's/^\\[ *\\([0-9.]*\\)\\] Run \\/init as init process.*/\\1/p'");
    let share = first_result / kernel;
    machine.note(&format!(
        "the first result {first_result:.0} s after the kernel's start, {share:.1} times its own {kernel:.1} s"
    ));
}

/// U-Boot, and a boot environment that says nothing, are here because one machine will do for all of it.
pub(crate) fn what_is_wrong_is_reported_and_not_used() {
    let card = Card::new("wrong");
    card.put("authorized_keys", &public_key());
    card.put("fovea.toml", &format!("{CONFIG}thresold = 8\n"));
    card.put("hostname", "the door\n");
    card.put("network/lan.txet", "[Match]\n");
    card.put("network/10-lan.network", "[Network]\nDHCP=yes\n");
    card.put("network/20-lan.network", "[Match]\nName=e*\n[Network]\nAdress=192.0.2.1/24\n");
    card.put("network/30-lan.link", "[Match]\nOriginalName=e*\n[Link]\nWakeOnLn=off\n");
    card.put("network/wpa_supplicant.conf", "ssid=\"nowhere\"\nnetwork={\n psk=\"short\"\n}\n");
    for name in ["hostname.txt", "authorized_keys.pub", "network/lan.network.txt", "._hostname", "desktop.ini"] {
        card.put(name, "");
    }
    card.put_at("EFI/debian/grubenv", &[0xc3; 1024]);
    let mut machine = Machine::start(Kind::UBoot, &card);
    machine.wait_until_it_is_up();
    assert_eq!(machine.hear("systemctl is-system-running"), "running", "{}", machine.hear("systemctl --failed"));
    let report = card.take("report.txt").expect("it is told on the card");
    for part in [
        "fovea.toml:7:1: ",
        "did you mean threshold?",
        "hostname is not used: ",
        "hostname.txt is not used; did you mean hostname?",
        "authorized_keys.pub is not used; did you mean authorized_keys?",
        "network/lan.txet is not used: ",
        "network/lan.network.txt is not used; did you mean network/lan.network?",
        "network is not used: the board keeps its earlier one.",
        "network/10-lan.network has no section [Match]",
        "network/20-lan.network:4: Unknown key",
        "network/30-lan.link:4: Unknown key",
        "network/wpa_supplicant.conf:1: unknown global field",
        "network/wpa_supplicant.conf:3: failed to parse psk.",
        "network/wpa_supplicant.conf does not say in which country",
    ] {
        assert!(report.contains(part), "there is no {part:?} in\n{report}");
    }
    for part in ["README", "._hostname", "desktop.ini", "authorized_keys is not used", "\"short\""] {
        assert!(!report.contains(part), "there is {part:?} in\n{report}");
    }
    assert_eq!(machine.ask("hostname"), "fovea");
    assert_eq!(machine.hear("ls /etc/systemd/network"), "", "a mistake may cost the board its network");
    let status = status_on(&card, &mut machine);
    for part in ["\nPage             no other machine can open it.", "    network/20-lan.network:4: Unknown key"] {
        assert!(status.contains(part), "there is no {part:?} in\n{status}");
    }
    // The default one, which is for the board alone.
    assert_eq!(
        machine.ask("ss --no-header --listening --tcp --numeric sport 8999 | tr -s ' ' | cut -d ' ' -f 4"),
        "127.0.0.1:8999"
    );
    assert_eq!(machine.hear("ls /run/systemd/dnssd"), "", "a port is announced that nobody can reach");
    assert_eq!(machine.ask("systemctl is-active fovea"), "active");
    machine.ask("systemctl poweroff");
    machine.wait_for_its_end();

    // Put right, but for what is still there and for the keys. Those of before stay.
    card.put("fovea.toml", &format!("[tls]\n{}", format!("{HTTP}{CONFIG}").replace("allow_anonymous = true\n", "")));
    card.put("hostname", "door2");
    card.put("authorized_keys", &format!("{}# old:\nssh-ed25519 AAAA\n{PRIVATE_KEY}\n", public_key()));
    let mut machine = Machine::start(Kind::UBoot, &card);
    machine.wait_until_it_answers();
    machine.wait_until_it_is_up();
    assert_eq!(machine.ask("hostname"), "door2");
    let report = card.take("report.txt").expect("one thing is still wrong");
    assert!(report.contains("network/lan.txet") && !report.contains("fovea.toml"), "{report}");
    assert!(
        report.contains("\nline 3 is not a public key.") && report.contains("\nline 4 begins a private key."),
        "{report}"
    );
    assert_eq!(
        machine.hear(&format!(
            "grep --recursive --files-with-matches --exclude=ssh_host_* -e '{PRIVATE_KEY}' /data /run/fovea-image"
        )),
        ""
    );

    the_owner_gets_a_token_once(&card, &mut machine);

    // Only a file without keys takes them back. Whoever is in stays in.
    let again = format!("{AS_AT_THE_START}settings && {AS_AT_THE_START}report");
    machine.ask(&format!(
        "mount /dev/vda1 /mnt && cd /mnt/fovea && rm authorized_keys && mkdir authorized_keys && echo >authorized_keys/mine.pub &&
         cd / && umount /mnt && {again}"
    ));
    machine.ask("grep --quiet ssh-ed25519 /etc/ssh/board/authorized_keys");
    let report = card.take("report.txt").expect("something is wrong");
    assert!(report.contains("authorized_keys is not used; it must be a file, not a folder."), "{report}");
    machine.ask("mount /dev/vda1 /mnt && rm -r /mnt/fovea/authorized_keys && umount /mnt");
    machine
        .ask(&format!("mount /dev/vda1 /mnt && echo '# nobody' >/mnt/fovea/authorized_keys && umount /mnt && {again}"));
    assert_eq!(machine.hear("systemctl restart ssh; systemctl is-active ssh"), "inactive");
}

/// The configuration opens the ports, and says nothing of clients without a token.
fn the_owner_gets_a_token_once(card: &Card, machine: &mut Machine) {
    let mentions_token = |card: &Card| card.take("status.txt").is_some_and(|status| status.contains("\nYour token "));
    machine.wait_until("the token is on the card", |_| mentions_token(card));
    let status = card.take("status.txt").expect("it was there");
    let field = |name| {
        let (_, text) = status.split_once(name).unwrap_or_else(|| panic!("there is no {name:?} in\n{status}"));
        text.split("\n ").take(2).map(str::trim).collect::<Vec<_>>()
    };
    assert_eq!(field("\nPage ")[0], "https://door2.local:8080/");
    let fingerprint = field("\nCertificate ").concat();
    let fingerprint = fingerprint.split('\n').next().expect("it is a line");
    let token = field("\nYour token ")[0];
    let status_with =
        |token: &str| format!("fovea status https://10.0.2.15:8080 --fingerprint {fingerprint} --token {token} 2>&1");
    let allows = |machine: &Machine| {
        let heard = machine.hear(&status_with(token)); // a board that no camera sends to is not well
        assert!(heard.starts_with(&format!("fovea {VERSION}, 0 of 1 camera live")), "{heard}");
    };
    allows(machine);
    let denied = machine.hear(&status_with("fovea_wrong"));
    assert!(denied.contains("401"), "{denied}");
    assert_eq!(machine.ask("fovea token list | tail -n +2 | cut -d ' ' -f 1"), "owner");

    // From another machine, which this is to the emulated one: in plain text nothing is accepted.
    let address = machine.address();
    let mut plain = TcpStream::connect(address).expect("the emulator accepts");
    plain
        .write_all(format!("GET /frames/street?token={token} HTTP/1.1\r\nHost: door2\r\n\r\n").as_bytes())
        .expect("it takes it");
    let mut refusal = String::new();
    plain.read_to_string(&mut refusal).expect("it is text");
    assert!(refusal.starts_with("HTTP/1.1 400 ") && refusal.contains("wss://"), "{refusal}");
    let sent = Command::new(env!("CARGO_BIN_EXE_fovea"))
        .args([
            "send",
            &format!("wss://{address}/frames/street"),
            PICTURE,
            "--fingerprint",
            fingerprint,
            "--token",
            token,
        ])
        .output()
        .expect("it can be run");
    assert!(sent.status.success(), "{sent:?}");

    // The board keeps it no longer than until the next start, and nothing logs it.
    machine.ask("[ -e /data/owner/shown ]");
    machine.ask(&format!("{AS_AT_THE_START}settings && {AS_AT_THE_START}report && systemctl restart show-status"));
    machine.wait_until("the token is off the card", |_| !mentions_token(card));
    assert_eq!(machine.hear(&format!("grep --recursive --files-with-matches {token} /data /run/fovea-image")), "");
    assert_eq!(machine.hear(&format!("journalctl --quiet --grep {token}")), "");
    allows(machine);
}
