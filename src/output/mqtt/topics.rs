//! The topics of this board: `PREFIX/BOARD/...`, and those of Home Assistant's discovery.

/// Where Home Assistant's own topics begin.
const HOME_ASSISTANT: &str = "homeassistant";

/// The topics of one board.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    /// `PREFIX/BOARD`
    root: String,
    /// `PREFIX/device/BOARD`, if Home Assistant is to discover it.
    discovery: Option<Discovery>,
}

#[derive(Clone, Debug)]
struct Discovery {
    prefix: String,
    root: String,
}

/// What a topic of a command wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandTopic {
    /// `CAMERA/enabled/set`
    Detection,
    /// `CAMERA/event/set`
    Event,
}

impl Topics {
    pub(super) fn new(prefix: &str, board: &str, discovery: Option<&str>) -> Self {
        let of = |prefix: &str| Discovery { prefix: prefix.to_owned(), root: format!("{prefix}/device/{board}") };
        Self { root: format!("{prefix}/{board}"), discovery: discovery.map(of) }
    }

    /// That of the board itself.
    pub(super) fn board(&self, what: &str) -> String {
        format!("{}/{what}", self.root)
    }

    /// That of a camera.
    pub(super) fn camera(&self, camera: &str, what: &str) -> String {
        format!("{}/{camera}/{what}", self.root)
    }

    /// The filter of all commands.
    pub(super) fn commands(&self) -> [String; 2] {
        ["enabled/set", "event/set"].map(|what| self.camera("+", what))
    }

    /// The camera and what is wanted, if this is the topic of a command.
    pub(super) fn command<'t>(&self, topic: &'t str) -> Option<(&'t str, CommandTopic)> {
        let (camera, what) = topic.strip_prefix(&self.root)?.strip_prefix('/')?.split_once('/')?;
        match what {
            "enabled/set" => Some((camera, CommandTopic::Detection)),
            "event/set" => Some((camera, CommandTopic::Event)),
            _ => None,
        }
    }

    /// Where Home Assistant says that it begins: by itself below `homeassistant`, whatever the prefix of its discovery is.
    pub(super) fn home_assistant(&self) -> Vec<String> {
        let prefix = self.discovery.as_ref().map(|discovery| discovery.prefix.as_str());
        let other = prefix.filter(|prefix| *prefix != HOME_ASSISTANT);
        prefix.map(|_| HOME_ASSISTANT).into_iter().chain(other).map(|prefix| format!("{prefix}/status")).collect()
    }

    /// Where the discovery message of the board is, or that of a camera. Other programs of this machine may have theirs beside it.
    pub(super) fn discovery(&self, camera: Option<&str>) -> Option<String> {
        let root = &self.discovery.as_ref()?.root;
        Some(camera.map_or_else(|| format!("{root}/fovea/config"), |camera| format!("{root}/fovea_{camera}/config")))
    }

    /// The filters of everything that this board may have left with the broker. They leave out commands, which would come twice
    /// to who subscribes to both.
    pub(super) fn own(&self) -> Vec<String> {
        let of = |root: &str, levels: &[&str]| levels.iter().map(|levels| format!("{root}/{levels}")).collect();
        let mut filters: Vec<_> = of(&self.root, &["+", "+/+", "+/zone/+"]);
        if let Some(discovery) = &self.discovery {
            filters.push(format!("{}/+/config", discovery.root));
        }
        filters
    }

    /// Whether a topic is one that this board writes to.
    pub(super) fn is_own(&self, topic: &str) -> bool {
        let below = |root: &String| topic.strip_prefix(root.as_str())?.strip_prefix('/');
        let is_discovery = |rest: &str| rest.starts_with("fovea/") || rest.starts_with("fovea_");
        let discovery = self.discovery.as_ref().and_then(|discovery| below(&discovery.root));
        (below(&self.root).is_some() && self.command(topic).is_none()) || discovery.is_some_and(is_discovery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_below_the_board() {
        let topics = Topics::new("site/fovea", "barn", Some("homeassistant"));
        assert_eq!(topics.board("state"), "site/fovea/barn/state");
        assert_eq!(topics.camera("door", "zone/gate"), "site/fovea/barn/door/zone/gate");
        assert_eq!(topics.discovery(None).unwrap(), "homeassistant/device/barn/fovea/config");
        assert_eq!(topics.discovery(Some("door")).unwrap(), "homeassistant/device/barn/fovea_door/config");
        assert!(topics.is_own("homeassistant/device/barn/fovea_yard/config"));
        assert!(!topics.is_own("homeassistant/device/barn/other/config"), "of another program");
        let of_discovery = ["homeassistant/device/barn/+/config"];
        let of_board = ["site/fovea/barn/+", "site/fovea/barn/+/+", "site/fovea/barn/+/zone/+"];
        assert_eq!(topics.own(), [&of_board[..], &of_discovery].concat());
    }

    #[test]
    fn home_assistant_is_heard_wherever_it_says_that_it_begins() {
        let status = |prefix| Topics::new("fovea", "barn", prefix).home_assistant();
        assert!(status(None).is_empty());
        assert_eq!(status(Some("homeassistant")), ["homeassistant/status"]);
        assert_eq!(status(Some("ha")), ["homeassistant/status", "ha/status"]);
    }

    #[test]
    fn commands_are_told_from_what_the_board_writes() {
        let topics = Topics::new("fovea", "barn", None);
        assert_eq!(topics.command("fovea/barn/door/enabled/set"), Some(("door", CommandTopic::Detection)));
        assert_eq!(topics.command("fovea/barn/door/event/set"), Some(("door", CommandTopic::Event)));
        for other in ["fovea/barn/door/enabled", "fovea/barn2/door/event/set", "fovea/barn/set", "door/event/set", ""] {
            assert_eq!(topics.command(other), None, "{other}");
        }
        assert!(topics.is_own("fovea/barn/door/enabled") && !topics.is_own("fovea/barn/door/enabled/set"));
        assert!(!topics.is_own("fovea/barn2/state") && !topics.is_own("homeassistant/device/barn/config"));
    }
}
