//! Rules across keys, which no type of one value can hold; then the checked configuration.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::{
    Body, Camera, Config, DeviceName, Http, Log, Mqtt, Pictures, Processor, Server, Tls, V4l2, Webhook, file, is_local,
    line, mask, model,
    names::Names,
    processor,
    value::{Listen, Name, Table},
    violation::Violation,
    zone,
};
use crate::{event_log, frame::Size, model::manifest::Manifest};

/// The checked configuration, if `mistakes` has got none then. `end` is where the text ends. `has_tokens` says whether there
/// is such a file with tokens.
pub(super) fn check(
    file: &file::File,
    end: usize,
    has_tokens: impl FnOnce(&Path) -> bool,
    violations: &mut Vec<Violation>,
) -> Config {
    if file.camera.is_empty() {
        let what = "a camera is missing: add a line [[camera]] and below it its name, like name = \"door\"";
        violations.push(Violation::new(end..end, what).unless("camera"));
    }
    let mut processors = file.processor.check(violations);
    for camera in &file.camera {
        processor::add_defaults(&mut processors, &camera.default_processors());
    }
    let models = model::check(&file.model, violations);
    let mut names = Names::of("camera");
    let mut devices = Devices::default();
    let mut cameras = Vec::new();
    for camera in &file.camera {
        violations.extend(names.add(&camera.name));
        violations.extend(camera.v4l2.as_ref().and_then(|v4l2| devices.add(&camera.name, v4l2)));
        cameras.push(self::camera(camera, &processors, &models, violations));
    }
    violations.extend(processor::unused(&file.processor, &cameras));
    let mut names = Names::of("webhook");
    let mut webhooks = Vec::new();
    for written in &file.webhook {
        violations.extend(names.add(&written.name));
        webhooks.push(webhook(written, &cameras, violations));
    }
    let has_tokens = has_tokens(&file.server.tokens_file.0);
    Config {
        server: server(&file.server, has_tokens, violations),
        http: file.http.as_deref().map(|written| http(written, has_tokens, violations)),
        tls: file.tls.as_ref().map(|written| tls(written, violations)),
        events: event_log::Limits {
            events: file.events.max_events.usize(),
            picture_bytes: file.events.max_picture_bytes.usize(),
        },
        webhooks,
        mqtt: file.mqtt.as_ref().map(|written| mqtt(written, violations)),
        processors,
        log: Log { level: file.log.level.0 },
        models,
        cameras,
        warnings: None,
        tokens: None,
    }
}

fn server(server: &file::Server, has_tokens: bool, violations: &mut Vec<Violation>) -> Server {
    let missed = "server.allow_anonymous";
    violations.extend(open_to_all(&server.listen, server.allow_anonymous || has_tokens, "send and watch", missed));
    Server {
        listen: server.listen.get_ref().0,
        allow_anonymous: server.allow_anonymous,
        tokens_file: server.tokens_file.0.clone(),
        allowed_origins: server.allowed_origins.iter().map(|origin| origin.0.clone()).collect(),
        max_clients: server.max_clients.usize(),
        max_message_bytes: server.max_message_bytes.usize(),
        max_pixels: server.max_pixels.u32().into(),
        max_side_px: server.max_side_px.u32(),
        handshake_timeout: server.handshake_timeout_ms.ms(),
        message_timeout: server.message_timeout_ms.ms(),
        idle_timeout: server.idle_timeout_ms.ms(),
        outbox_bytes: server.outbox_bytes.usize(),
    }
}

fn http(http: &file::Http, has_tokens: bool, violations: &mut Vec<Violation>) -> Http {
    let is_meant = http.allow_anonymous || has_tokens;
    violations.extend(open_to_all(&http.listen, is_meant, "watch", "http.allow_anonymous"));
    Http {
        listen: http.listen.get_ref().0,
        allow_anonymous: http.allow_anonymous,
        allowed_hosts: http.allowed_hosts.iter().map(|host| host.0.clone()).collect(),
        max_clients: http.max_clients.usize(),
    }
}

fn tls(written: &Spanned<Table<file::Tls>>, violations: &mut Vec<Violation>) -> Tls {
    let file::Tls { certificate, key } = &**written.get_ref();
    let files = certificate.clone().zip(key.clone());
    if files.is_none() && (certificate.is_some() || key.is_some()) {
        let (given, missing) = if key.is_none() { ("certificate", "key") } else { ("key", "certificate") };
        let what = format!("there is a {given} but no {missing}: give both, or neither to let fovea make its own");
        violations.push(Violation::new(written.span(), what));
    }
    Tls { files: files.map(<[_; 2]>::from) }
}

fn webhook(webhook: &file::Webhook, cameras: &[Camera], violations: &mut Vec<Violation>) -> Webhook {
    if let Some(fields) = webhook.fields.as_ref().filter(|_| webhook.body.0 == Body::Picture) {
        let what = "the body is the picture alone: use headers, or body = \"multipart\"";
        violations.push(Violation::new(fields.span(), what));
    }
    webhook.labels.check(violations);
    for wanted in &webhook.cameras {
        let name = wanted.get_ref().0.as_str();
        if !cameras.iter().any(|camera| camera.name == name) {
            let what = "there is no camera of this name";
            violations.push(Violation::new(wanted.span(), what).unless("camera"));
        }
    }
    let named = |names: &[Name]| names.iter().map(|name| name.0.clone()).collect();
    let fields = webhook.fields.as_ref().map(Spanned::get_ref).into_iter().flatten();
    Webhook {
        name: webhook.name.get_ref().0.clone(),
        url: webhook.url.0.clone(),
        body: webhook.body.0,
        fields: fields.map(|(name, text)| (name.0.clone(), text.0.clone())).collect(),
        picture_field: webhook.picture_field.0.clone(),
        headers: webhook.headers.iter().map(|(name, text)| (name.0.clone(), text.0.clone())).collect(),
        authorization_file: webhook.authorization_file.clone(),
        secret_file: webhook.secret_file.clone(),
        ca: webhook.ca.clone(),
        cameras: webhook.cameras.iter().map(|name| name.get_ref().0.clone()).collect(),
        kinds: named(&webhook.kinds),
        zones: named(&webhook.zones),
        labels: webhook.labels.clone(),
        states: webhook.states.iter().map(|state| state.0).collect(),
        timeout: webhook.timeout_ms.ms(),
        retry_for: webhook.retry_for_ms.ms(),
    }
}

fn mqtt(written: &Spanned<Table<file::Mqtt>>, violations: &mut Vec<Violation>) -> Mqtt {
    let mqtt = &**written.get_ref();
    mqtt.labels.check(violations);
    let file::Mqtt { password_file, ca, certificate, key, .. } = mqtt;
    if let Some(password) = password_file.as_ref().filter(|_| mqtt.username.is_none()) {
        violations.push(Violation::new(password.span(), "MQTT has no password without a user: add username"));
    }
    if !mqtt.url.0.has_tls {
        for file in [ca, certificate, key].into_iter().flatten() {
            let what = "certificates need TLS: the url must begin with mqtts://";
            violations.push(Violation::new(file.span(), what));
        }
    }
    let identity = certificate.as_ref().zip(key.as_ref());
    if identity.is_none()
        && let Some(alone) = certificate.as_ref().or(key.as_ref())
    {
        let what = "certificate and key belong together: give both, or neither";
        violations.push(Violation::new(alone.span(), what));
    }
    let pictures = mqtt.pictures.as_ref().map_or_else(Pictures::default, |pictures| pictures.get_ref().0);
    if let Some(pictures) = mqtt.pictures.as_ref().filter(|_| pictures == Pictures::Url && mqtt.page_url.is_none()) {
        let what = "fovea does not know the URL that others reach its page at: add page_url";
        violations.push(Violation::new(pictures.span(), what));
    }
    let path = |file: &Option<Spanned<PathBuf>>| file.as_ref().map(|file| file.get_ref().clone());
    Mqtt {
        broker: mqtt.url.0.clone(),
        board: mqtt.board.as_ref().map(|name| name.0.clone()),
        prefix: mqtt.prefix.0.clone(),
        username: mqtt.username.as_ref().map(|name| name.0.clone()),
        password_file: path(password_file),
        ca: path(ca),
        identity: identity.map(|(certificate, key)| [certificate, key].map(|file| file.get_ref().clone())),
        keep_alive: mqtt.keep_alive_ms.ms(),
        max_events: mqtt.max_events.usize(),
        labels: mqtt.labels.clone(),
        results: mqtt.results.0,
        pictures,
        max_picture_bytes: mqtt.max_picture_bytes.usize(),
        page_url: mqtt.page_url.as_ref().map(|url| format!("{}/", url.0.trim_end_matches('/'))),
        commands: mqtt.commands,
        discovery: mqtt.discovery.as_ref().map(|prefix| prefix.0.clone()),
    }
}

/// A port that others reach, without it being said that they may.
fn open_to_all(listen: &Spanned<Listen>, is_meant: bool, could: &str, missed: &'static str) -> Option<Violation> {
    if is_meant || is_local(listen.get_ref().0) {
        return None;
    }
    let what = format!(
        "everybody who can reach this address could {could}; make a token (fovea token add), set allow_anonymous = true to \
         allow that, or listen on 127.0.0.1"
    );
    Some(Violation::new(listen.span(), what).unless(missed))
}

fn camera(
    camera: &file::Camera,
    processors: &[Processor],
    models: &BTreeMap<String, Manifest>,
    violations: &mut Vec<Violation>,
) -> Camera {
    let stages = camera.stages(models, violations);
    let used = stages.models().into_iter().filter_map(|name| models.get_key_value(name));
    line::check(&camera.line, &stages, violations);
    if !stages.label_tracks() {
        zone::check_labels(stages.zones().into_iter().map(|(_, zone)| zone), violations);
    }
    // What masks with labels need.
    let missing = if !stages.label_tracks() {
        Some("no stage of this camera finds out labels: add [camera.objects]")
    } else if !stages.have_tracks() {
        Some("no stage of this camera follows what moves: add [camera.motion]")
    } else {
        None
    };
    Camera {
        name: camera.name.get_ref().0.clone(),
        detection: camera.detection.0,
        v4l2: camera.v4l2.as_ref().map(|written| v4l2(written.get_ref())),
        processors: processor::assign(&stages, &camera.processors(), processors, violations),
        lines: camera.line.iter().map(|line| (**line.get_ref()).clone()).collect(),
        masks: mask::check(&camera.mask, missing, violations),
        models: used.map(|(name, manifest)| (name.clone(), manifest.clone())).collect(),
        stages,
    }
}

fn v4l2(v4l2: &file::V4l2) -> V4l2 {
    V4l2 {
        device: v4l2.device.get_ref().0.clone(),
        format: v4l2.format.0,
        size: Size { width_px: v4l2.width_px.u32(), height_px: v4l2.height_px.u32() },
        rate_hz: v4l2.rate_hz.u32(),
        buffers: v4l2.buffers.u32(),
        stall_timeout: v4l2.stall_timeout_ms.ms(),
        controls: v4l2.controls.iter().map(|(name, value)| (name.0.clone(), value.0.clone())).collect(),
    }
}

/// The devices given so far, each with its camera.
#[derive(Default)]
struct Devices<'f>(HashMap<&'f DeviceName, &'f str>);

impl<'f> Devices<'f> {
    fn add(&mut self, camera: &'f Spanned<Name>, v4l2: &'f Spanned<Table<file::V4l2>>) -> Option<Violation> {
        if cfg!(not(feature = "v4l2")) {
            let what =
                "this fovea was built without local cameras: build it with the feature v4l2, or remove this table";
            return Some(Violation::new(v4l2.span(), what));
        }
        let device = &v4l2.get_ref().device;
        let earlier = self.0.insert(&device.get_ref().0, &camera.get_ref().0)?;
        let what = format!("the camera {earlier} already has this device: a device feeds one camera");
        Some(Violation::new(device.span(), what))
    }
}
