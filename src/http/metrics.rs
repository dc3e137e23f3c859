//! `/metrics`: the numbers of all cameras and of the process, in Prometheus' text format, computed on request.
//!
//! Units are seconds and bytes; counters end in `_total`. Labels are names of cameras, lines, zones, stages and causes,
//! none of which has a character that needs escaping.

use std::{
    fmt::{Display, Write},
    fs,
    time::Duration,
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use nix::time::{ClockId, clock_gettime};

use super::app::App;
use crate::{
    message::ZoneCounts,
    status::Report,
    telemetry::camera_metrics::{Availability, Driver, Snapshot},
    telemetry::histogram::Distribution,
    telemetry::model_metrics::{ModelState, ModelStatus},
    telemetry::processor_metrics::FurtherProcessor,
    telemetry::rejections::RejectReason,
};

/// The bounds of histograms: doublings from 64 us, less than any frame takes, to 17 s.
const BOUNDS: std::ops::RangeInclusive<Duration> = Duration::from_micros(1 << 6)..=Duration::from_micros(1 << 24);

/// `/metrics`.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let report = app.status.report();
    let mut text = Exposition::default();
    text.family("fovea_build_info", "gauge", "Always 1; the label has the version.");
    text.sample("fovea_build_info", &[("version", &report.version)], 1);
    write_cameras(&mut text, &report.cameras);
    if report.processors.len() > 1 {
        write_processors(&mut text, &report);
    }
    write_models(&mut text, &report);
    text.family("fovea_result_readers", "gauge", "WebSocket clients that read results.");
    text.sample("fovea_result_readers", &[], app.bus.readers());
    text.family("fovea_http_viewers", "gauge", "Open streams of pictures and events on the HTTP port.");
    text.sample("fovea_http_viewers", &[], app.bus.viewers());
    text.family("fovea_http_encoded_pictures_total", "counter", "Pictures that fovea encoded as JPEG.");
    text.sample("fovea_http_encoded_pictures_total", &[], app.cache.encoder.frames());
    let (events, picture_bytes) = app.event_log.size();
    text.family("fovea_kept_events", "gauge", "Events that are kept.");
    text.sample("fovea_kept_events", &[], events);
    text.family("fovea_kept_event_picture_bytes", "gauge", "Bytes of the pictures of these events.");
    text.sample("fovea_kept_event_picture_bytes", &[], picture_bytes);
    if let Some(tokens) = app.access.tokens() {
        text.family("fovea_tokens", "gauge", "Tokens in the file; absent without the file.");
        text.sample("fovea_tokens", &[], tokens);
    }
    let denied = "fovea_denied_requests_total";
    text.family(denied, "counter", "Requests denied for want of a right token, by port and cause.");
    for (port, cause, count) in app.access.denied() {
        text.sample(denied, &[("port", port), ("cause", cause)], count);
    }
    let dropped = "fovea_output_dropped_messages_total";
    text.family(dropped, "counter", "Messages that slow subscribers of an output lost.");
    for (output, count) in app.bus.dropped() {
        text.sample(dropped, &[("output", output)], count);
    }
    let deliveries = "fovea_output_deliveries_total";
    text.family(
        deliveries,
        "counter",
        "What became of events that outputs send to other machines, by output and outcome.",
    );
    for (output, outcome, count) in app.bus.deliveries() {
        text.sample(deliveries, &[("output", output), ("outcome", outcome)], count);
    }
    let not_served = "fovea_connections_not_served_total";
    text.family(not_served, "counter", "Connections and requests for which a port had no place, by cause.");
    for (port, metrics) in &app.ports {
        for (cause, count) in metrics.not_served() {
            text.sample(not_served, &[("port", port), ("cause", cause)], count);
        }
    }
    write_process(&mut text, report.started_at.as_second());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0).into_response()
}

fn write_cameras(text: &mut Exposition, cameras: &[Snapshot]) {
    type Number = fn(&Snapshot) -> u64;
    let numbers: [(&str, &str, &str, Number); 9] = [
        ("fovea_camera_live", "gauge", "1 while the camera is live, otherwise 0.", |one| {
            u64::from(one.state.state == Availability::Live)
        }),
        (
            "fovea_camera_detection",
            "gauge",
            "1 while its stages look at its frames, 0 if that is switched off.",
            |one| u64::from(one.detection),
        ),
        ("fovea_senders", "gauge", "Sources that feed the camera now.", |one| one.sources as u64),
        ("fovea_connections_total", "counter", "How often a source began to feed the camera.", |one| one.connections),
        ("fovea_frames_received_total", "counter", "Messages sent as frames.", |one| one.received),
        ("fovea_received_bytes_total", "counter", "Bytes of messages sent as frames.", |one| one.received_bytes),
        (
            "fovea_ignored_texts_total",
            "counter",
            "Text messages that were neither frames nor control messages.",
            |one| one.ignored_texts,
        ),
        (
            "fovea_frames_superseded_total",
            "counter",
            "Frames that a newer one replaced before the processor took them.",
            |one| one.superseded,
        ),
        ("fovea_frames_processed_total", "counter", "Frames with a result.", |one| one.ages.count()),
    ];
    for (name, kind, help, number) in numbers {
        text.family(name, kind, help);
        cameras.iter().for_each(|one| text.sample(name, &[("camera", &one.camera)], number(one)));
    }

    type OfDriver = fn(&Driver) -> u64;
    let of_drivers: [(&str, &str, OfDriver); 4] = [
        ("fovea_driver_dropped_frames_total", "Frames that a camera's driver counted and did not deliver.", |one| {
            one.dropped
        }),
        ("fovea_driver_skipped_frames_total", "Frames that a newer one replaced before fovea fetched them.", |one| {
            one.skipped
        }),
        ("fovea_driver_copied_frames_total", "Frames copied because the driver was short of buffers.", |one| {
            one.copied
        }),
        ("fovea_driver_errors_total", "Calls that a camera's driver refused, losses of the camera included.", |one| {
            one.errors
        }),
    ];
    for (name, help, number) in of_drivers {
        text.family(name, "counter", help);
        for (one, driver) in cameras.iter().filter_map(|one| Some((one, one.driver.as_ref()?))) {
            text.sample(name, &[("camera", &one.camera)], number(driver));
        }
    }

    let refused = "fovea_frames_refused_total";
    text.family(refused, "counter", "Refused frames, by cause.");
    for one in cameras {
        // A cause that never occurred is 0: Prometheus computes no rate from a series that begins at 1.
        for cause in RejectReason::NAMES {
            let count = one.refused.get(*cause).unwrap_or(&0);
            text.sample(refused, &[("camera", &one.camera), ("cause", cause)], count);
        }
    }

    write_counts(text, cameras);

    type Ages = fn(&Snapshot) -> &Distribution;
    let histograms: [(&str, &str, Ages); 2] = [
        ("fovea_frame_start_age_seconds", "Age of frames when processing started.", |one| &one.start_ages),
        ("fovea_frame_result_age_seconds", "Age of frames when their result left.", |one| &one.ages),
    ];
    for (name, help, ages) in histograms {
        text.family(name, "histogram", help);
        cameras.iter().for_each(|one| text.histogram(name, &[("camera", &one.camera)], ages(one)));
    }
    let stage_times = "fovea_stage_duration_seconds";
    text.family(stage_times, "histogram", "Time that each stage took for a frame.");
    for one in cameras {
        for (stage, times) in &one.stages {
            text.histogram(stage_times, &[("camera", &one.camera), ("stage", stage)], times);
        }
    }
    let stage_errors = "fovea_stage_errors_total";
    text.family(stage_errors, "counter", "Frames on which a stage failed.");
    for one in cameras {
        for (stage, count) in &one.stage_errors {
            text.sample(stage_errors, &[("camera", &one.camera), ("stage", stage)], count);
        }
    }
}

/// What is counted over lines and in zones. Each is there from the start on, and 0 until something happens.
fn write_counts(text: &mut Exposition, cameras: &[Snapshot]) {
    let counted = || cameras.iter().filter_map(|one| Some((one.camera.as_str(), one.counts.as_ref()?)));
    let crossings = "fovea_line_crossings_total";
    text.family(crossings, "counter", "Tracks that crossed a line, by direction.");
    for (camera, counts) in counted() {
        for (line, directions) in &counts.lines {
            for (direction, count) in directions {
                text.sample(crossings, &[("camera", camera), ("line", line), ("direction", direction)], count);
            }
        }
    }
    type Number = fn(&ZoneCounts) -> u64;
    let of_zones: [(&str, &str, &str, Number); 2] = [
        ("fovea_zone_tracks", "gauge", "Tracks that are in a zone now.", |zone| zone.now),
        ("fovea_zone_entries_total", "counter", "Tracks that entered a zone.", |zone| zone.entered),
    ];
    for (name, kind, help, number) in of_zones {
        text.family(name, kind, help);
        for (camera, counts) in counted() {
            for (zone, counts) in &counts.zones {
                text.sample(name, &[("camera", camera), ("zone", zone)], number(counts));
            }
        }
    }
}

/// What there is to say where several processors are configured. The families of cameras are those of each camera's first
/// one.
fn write_processors(text: &mut Exposition, report: &Report) {
    let busy = "fovea_processor_busy_seconds_total";
    text.family(busy, "counter", "Time that a processor worked on frames.");
    for one in &report.processors {
        text.sample(busy, &[("processor", &one.name)], one.busy.as_secs_f64());
    }
    let frames = "fovea_processor_frames_total";
    text.family(frames, "counter", "Frames that a processor worked on.");
    for one in &report.processors {
        text.sample(frames, &[("processor", &one.name)], one.frames);
    }
    let further: Vec<(&str, &FurtherProcessor)> =
        report.cameras.iter().flat_map(|one| one.processors.iter().map(|part| (one.camera.as_str(), part))).collect();
    type Number = fn(&FurtherProcessor) -> u64;
    let numbers: [(&str, &str, Number); 3] = [
        (
            "fovea_further_frames_superseded_total",
            "Frames that a newer one replaced before a processor beyond the camera's first one took them.",
            |one| one.superseded,
        ),
        (
            "fovea_further_frames_processed_total",
            "Frames with a result of a processor beyond the camera's first one.",
            |one| one.ages.count(),
        ),
        (
            "fovea_further_frames_refused_total",
            "Frames that a processor beyond the camera's first one could not decode.",
            |one| one.refused,
        ),
    ];
    for (name, help, number) in numbers {
        text.family(name, "counter", help);
        for (camera, part) in &further {
            text.sample(name, &[("camera", camera), ("processor", &part.processor)], number(part));
        }
    }
    let ages = "fovea_further_result_age_seconds";
    text.family(ages, "histogram", "Age of frames when a result of a processor beyond the camera's first one left.");
    for (camera, part) in &further {
        text.histogram(ages, &[("camera", camera), ("processor", &part.processor)], &part.ages);
    }
}

/// What there is to say where stages ask models.
fn write_models(text: &mut Exposition, report: &Report) {
    if report.models.is_empty() {
        return;
    }
    type Number = fn(&ModelStatus) -> Option<f64>;
    let numbers: [(&str, &str, &str, Number); 3] = [
        ("fovea_model_ready", "gauge", "1 while a model can be asked, otherwise 0.", |one| {
            Some(f64::from(u8::from(one.state == ModelState::Ready)))
        }),
        ("fovea_model_runs_total", "counter", "Pictures, or parts of them, that a model has seen.", |one| {
            Some(one.runs as f64)
        }),
        ("fovea_model_run_seconds", "gauge", "Time that a model takes, as a mean of its last runs.", |one| {
            Some(one.mean_ms? / 1e3)
        }),
    ];
    for (name, kind, help, number) in numbers {
        text.family(name, kind, help);
        for (one, number) in report.models.iter().filter_map(|one| Some((one, number(one)?))) {
            text.sample(name, &[("model", &one.model), ("processor", &one.processor)], number);
        }
    }
    let asking = || report.cameras.iter().filter_map(|one| Some((one.camera.as_str(), one.questions?)));
    let questions = "fovea_model_questions_total";
    text.family(questions, "counter", "What a camera's stages asked models of: whole pictures, or crops.");
    for (camera, counts) in asking() {
        for (part, count) in [("crop", counts.crops), ("whole", counts.whole_pictures)] {
            text.sample(questions, &[("camera", camera), ("part", part)], count);
        }
    }
    let over_budget = "fovea_model_over_budget_frames_total";
    text.family(over_budget, "counter", "Frames of which there was something to ask, and no time left for it.");
    asking().for_each(|(camera, counts)| text.sample(over_budget, &[("camera", camera)], counts.over_budget));
    let named = "fovea_named_tracks_total";
    text.family(named, "counter", "Tracks that have got a label.");
    asking().for_each(|(camera, counts)| text.sample(named, &[("camera", camera)], counts.named_tracks));
}

/// The standard process metrics of Prometheus' client libraries.
fn write_process(text: &mut Exposition, started_at: i64) {
    text.family("process_start_time_seconds", "gauge", "Wall time of the start, in seconds since 1970.");
    text.sample("process_start_time_seconds", &[], started_at);
    if let Ok(used) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) {
        text.family("process_cpu_seconds_total", "counter", "Processor time used, user and system.");
        text.sample("process_cpu_seconds_total", &[], Duration::from(used).as_secs_f64());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = [
        ("process_virtual_memory_bytes", "VmSize:", "Virtual memory."),
        ("process_resident_memory_bytes", "VmRSS:", "Memory in use."),
    ];
    for (name, key, help) in memory {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        if let Some(kilobytes) = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()) {
            text.family(name, "gauge", help);
            text.sample(name, &[], 1024 * kilobytes);
        }
    }
    if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
        text.family("process_open_fds", "gauge", "Open descriptors.");
        text.sample("process_open_fds", &[], descriptors.count());
    }
}

/// The answer while it is written.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// Starts a metric family: the samples that follow belong to it.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], ages: &Distribution) {
        let (bucket, sum, count) = (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
        let below = ages.cumulative().filter(|(bound, _)| BOUNDS.contains(bound));
        let below = below.map(|(bound, number)| (bound.as_secs_f64().to_string(), number));
        for (bound, number) in below.chain([("+Inf".to_owned(), ages.count())]) {
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), number);
        }
        self.sample(&sum, labels, ages.sum().as_secs_f64());
        self.sample(&count, labels, ages.count());
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }
}
