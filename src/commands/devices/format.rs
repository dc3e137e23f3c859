//! The text of the list. Pure.

use std::fmt::Write;

use super::list::{ListedNode, NodeKind};
use crate::{
    config::{self, CameraFormat},
    source::v4l2::{
        control_plan::{accepted_values, format_value, normalize_name},
        description::{Control, Description, Mode, Offer, Rates, SizeRange},
        negotiate::{CaptureMode, RequestedMode, choose_mode, config_name, format_rate},
    },
};

/// Printed instead of an empty list.
const NO_CAMERAS: &str =
    "No camera is plugged in, or the kernel has no driver for it; `sudo dmesg` shows what was plugged in.";

/// A paragraph for each node.
pub(super) fn list(nodes: &[ListedNode]) -> String {
    if nodes.is_empty() {
        return NO_CAMERAS.to_owned();
    }
    nodes.iter().map(node).collect::<Vec<_>>().join("\n\n")
}

fn node(node: &ListedNode) -> String {
    let ListedNode { path, names, kind, .. } = node;
    match kind {
        NodeKind::Camera(description) => camera(path, names, description),
        NodeKind::Other(name) => format!("{path}: {name}: captures no pictures"),
        NodeKind::Closed(why) => format!("{path}: cannot be opened: {why}"),
    }
}

fn camera(path: &str, names: &[String], description: &Description) -> String {
    let Description { card, driver, bus, formats, controls } = description;
    let mut text = format!("{path}: {card} ({driver}, {bus})\n");
    section(&mut text, "known as", names.iter().cloned());
    let (usable, others): (Vec<_>, Vec<_>) = formats.iter().partition(|offer| config_name(offer.fourcc).is_some());
    let others: Vec<_> = others.iter().map(|offer| offer.fourcc.to_string()).collect();
    let others = (!others.is_empty()).then(|| format!("fovea cannot use: {}", others.join(", ")));
    section(&mut text, "formats", usable.into_iter().map(offer).chain(others));
    section(&mut text, "controls", controls.iter().map(control));
    let device = names.first().map_or(path, |name| name);
    let _ = write!(text, "  to use it\n{}", config_block(device, description)); // writing to a String cannot fail
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (n, line) in lines.enumerate() {
        let title = if n == 0 { title } else { "" };
        let _ = writeln!(text, "  {title:9} {line}"); // as above
    }
}

/// `YUYV 4:2:2: 640x480 at 30, 15 Hz; 1280x720 at 10 Hz`.
fn offer(offer: &Offer) -> String {
    let Offer { fourcc, name: title, modes, range } = offer;
    let listed =
        modes.iter().map(|Mode { size_px: [width, height], rates }| format!("{width}x{height}{}", rates_suffix(rates)));
    let ranged = range.iter().map(|SizeRange { min_px, max_px, step_px, rates }| {
        let ([w0, h0], [w1, h1], [w, h]) = (min_px, max_px, step_px);
        format!("{w0}x{h0} to {w1}x{h1} in steps of {w}x{h}{}", rates_suffix(rates))
    });
    let sizes: Vec<_> = listed.chain(ranged).collect();
    format!("{fourcc} {title}: {}", sizes.join("; "))
}

/// ` at 30, 15 Hz`
fn rates_suffix(Rates { intervals, any_between }: &Rates) -> String {
    let rates: Vec<_> = intervals.iter().map(|interval| format_rate(interval.rate_hz())).collect();
    match (rates.is_empty(), any_between) {
        (true, _) => String::new(),
        (false, false) => format!(" at {} Hz", rates.join(", ")),
        (false, true) => format!(" at {} Hz", rates.join(" to ")),
    }
}

/// `brightness = 128: 0 to 255, default 128`.
fn control(control: &Control) -> String {
    let Control { name, value, read_only, inactive, .. } = control;
    let value = value.map(|value| format!(" = {}", format_value(control, value)));
    let note = match (read_only, inactive) {
        (true, _) => " (read only)",
        (_, true) => " (inactive: another control determines it)",
        _ => "",
    };
    format!("{name}{}: {}{note}", value.unwrap_or_default(), accepted_values(control))
}

/// The tables to put into the configuration.
fn config_block(device: &str, description: &Description) -> String {
    let wanted = RequestedMode { format: None, size: config::V4l2::SIZE, rate_hz: config::V4l2::RATE_HZ, luma: true };
    let choice = choose_mode(&description.formats, &wanted);
    let mut lines = vec!["[[camera]]".to_owned(), format!("name = {:?}", camera_name(&description.card))];
    lines.extend(["[camera.v4l2]".to_owned(), format!("device = {device:?}")]);
    match choice {
        Ok(CaptureMode { fourcc, size, interval }) => {
            let format = config_name(fourcc).map_or("auto", CameraFormat::word);
            lines.push(format!("# format = {format:?}  # what \"auto\" chooses"));
            lines.push(format!("width_px = {}", size.width_px));
            lines.push(format!("height_px = {}", size.height_px));
            let rate = interval.map(|interval| format!("rate_hz = {}", rounded(interval.rate_hz())));
            lines.extend(rate);
        }
        Err(why) => lines.push(format!("# fovea cannot use it: {why}")),
    }
    lines.push("[camera.motion]".to_owned());
    lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates are small and positive")]
fn rounded(rate_hz: f64) -> u32 {
    (rate_hz.round() as u32).max(1)
}

/// A camera name made from the card's: `hd-pro-webcam-c920`.
fn camera_name(card: &str) -> String {
    let name: String = normalize_name(card).replace('_', "-").chars().take(32).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "camera".to_owned() } else { name.to_owned() }
}
