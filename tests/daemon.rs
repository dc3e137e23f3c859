//! The running daemon through its public face: the binary, its port, its log, and what /proc shows of it.

mod support;

#[allow(dead_code, reason = "tests of single networks make more of them")]
#[path = "support/onnx.rs"]
mod onnx;

mod daemon {
    mod bad_input;
    mod cores;
    mod counting;
    mod counting_outputs;
    mod crash;
    mod doctor;
    mod exhaustion;
    mod floods;
    mod frames_in_results_out;
    mod handshake;
    mod http {
        #[cfg(not(target_arch = "arm"))] // no validator is built there
        mod api;
        mod event_log;
        mod events;
        mod health;
        mod live;
        mod metrics;
        mod port;
    }
    mod journal;
    mod limits;
    #[cfg(feature = "v4l2")]
    mod local_cameras;
    mod memory;
    mod mqtt {
        mod broker;
        mod commands;
        mod discovery;
        mod encryption;
        mod events;
        mod faults;
        mod fleet;
        mod login;
        mod outage;
        mod privacy_masks;
        mod results;
        mod states;
    }
    mod moving_masks;
    mod needed_libraries;
    mod newest_wins;
    mod nothing_is_left;
    mod objects;
    mod openings;
    mod places;
    mod privacy_masks;
    mod processors;
    mod protocol_faults;
    mod reload;
    mod service;
    mod shutdown;
    mod start_errors;
    mod status;
    mod switches;
    mod tamper;
    mod tls;
    mod tokens;
    mod webhook;
}
