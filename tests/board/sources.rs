//! Cameras that other programs feed: `fovea-source@.service` and the files in `/etc/fovea/sources`.

use super::{
    cameras::{configure, count, is_live, nodes, plug_in, status, wait_for},
    machine::Board,
};

const CAMERAS: &str = "[[camera]]\nname = \"stream\"\n[camera.motion]\n[[camera]]\nname = \"pipe\"\n[camera.motion]\n";

/// One unit's property.
fn property(board: &mut Board, unit: &str, name: &str) -> String {
    board.ask(&format!("systemctl show --property={name} --value {unit}"))
}

pub(crate) fn a_stream_and_a_command_feed_cameras(board: &mut Board) {
    plug_in(board, "n_devs=2 node_types=1,1");
    configure(board, CAMERAS);
    let [first, second] = &nodes(board)[..] else { panic!("two cameras") };

    let serve = format!(
        "systemd-run --quiet --unit ustreamer --collect ustreamer --device {first} --resolution 640x360 --format YUYV \
         --desired-fps 10 --port 8081 --host 127.0.0.1 --user me --passwd secret --log-level 1"
    );
    // A program that serves MJPEG over HTTP, behind a login; and one that writes raw pictures. The latter has no URL.
    board.ask(&serve);
    board.write("/etc/fovea/sources/stream.conf", "URL=http://127.0.0.1:8081/stream\nFOVEA_LOGIN=me:secret\n");
    board.write(
        "/etc/fovea/sources/pipe.conf",
        &format!(
            "COMMAND=v4l2-ctl --device {second} --set-fmt-video=width=320,height=180,pixelformat=YUYV --stream-mmap --stream-to=-\n\
             OPTIONS=--format yuyv --size 320x180\n"
        ),
    );
    board.ask("chmod 600 /etc/fovea/sources/stream.conf");
    board.ask("systemctl daemon-reload && systemctl start fovea-source@stream fovea-source@pipe");
    for camera in ["stream", "pipe"] {
        wait_for(board, camera, "it is live", is_live);
    }
    let doctor = board.run("fovea doctor").text;
    for camera in ["stream", "pipe"] {
        assert!(doctor.contains(&format!("good  the source of {camera} runs")), "{doctor}");
    }
    // Where no URL is, nothing beyond this machine can be reached; where no command is, no camera.
    let addresses = |board: &mut Board, unit| {
        let mut list: Vec<_> = property(board, unit, "IPAddressAllow").split(' ').map(str::to_owned).collect();
        list.sort(); // they come in any order
        list
    };
    let this_machine = ["127.0.0.0/8", "::1/128"];
    assert_eq!(addresses(board, "fovea-source@pipe"), this_machine);
    assert_ne!(addresses(board, "fovea-source@stream"), this_machine);
    assert!(!property(board, "fovea-source@stream", "DeviceAllow").contains("video4linux"));
    let programs = board.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '").text;
    assert!(programs.contains("frames/stream") && !programs.contains("me:secret"), "{programs}");

    // The server is started anew, and so is fovea: both come back by themselves.
    let before = count(&status(board, "stream"), "/received");
    board.ask("systemctl stop ustreamer");
    wait_for(board, "stream", "it is not live", |status| !is_live(status));
    board.ask(&serve);
    wait_for(board, "stream", "frames come again", |status| count(status, "/received") > before + 5);
    board.ask("systemctl restart fovea");
    for camera in ["stream", "pipe"] {
        wait_for(board, camera, "it is live again", is_live);
    }
    // A journal that grows just then is taken for a damaged one.
    board.wait_until(
        "journalctl --quiet --boot CAMERA=stream SYSLOG_IDENTIFIER=fovea-source | grep --quiet '127.0.0.1:8081'",
    );

    board.ask("systemctl stop fovea-source@stream fovea-source@pipe ustreamer && rm /etc/fovea/sources/*");
    board.ask("systemctl daemon-reload");
    board.with_fovea();
}
