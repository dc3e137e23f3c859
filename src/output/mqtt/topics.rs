//! The topics of this board: `PREFIX/BOARD/...`, and those of Home Assistant's discovery.

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

    /// Where Home Assistant says that it begins.
    pub(super) fn home_assistant(&self) -> Option<String> {
        Some(format!("{}/status", self.discovery.as_ref()?.prefix))
    }

    /// Where the discovery message of the board is, or that of a camera.
    pub(super) fn discovery(&self, camera: Option<&str>) -> Option<String> {
        let root = &self.discovery.as_ref()?.root;
        Some(camera.map_or_else(|| format!("{root}/config"), |camera| format!("{root}/{camera}/config")))
    }

    /// The filters of everything that this board may have left with the broker. They leave out commands, which would come twice
    /// to who subscribes to both.
    pub(super) fn own(&self) -> Vec<String> {
        let of = |root: &str, levels: &[&str]| levels.iter().map(|levels| format!("{root}/{levels}")).collect();
        let mut filters: Vec<_> = of(&self.root, &["+", "+/+", "+/zone/+"]);
        if let Some(discovery) = &self.discovery {
            filters.extend(of(&discovery.root, &["config", "+/config"]));
        }
        filters
    }

    /// Whether a topic is one that this board writes to.
    pub(super) fn is_own(&self, topic: &str) -> bool {
        let discovery = self.discovery.as_ref().map(|discovery| &discovery.root);
        let is_below = |root: &String| topic.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        [&self.root].into_iter().chain(discovery).any(is_below) && self.command(topic).is_none()
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
        assert_eq!(topics.discovery(None).unwrap(), "homeassistant/device/barn/config");
        assert_eq!(topics.discovery(Some("door")).unwrap(), "homeassistant/device/barn/door/config");
        let of_discovery = ["homeassistant/device/barn/config", "homeassistant/device/barn/+/config"];
        let of_board = ["site/fovea/barn/+", "site/fovea/barn/+/+", "site/fovea/barn/+/zone/+"];
        assert_eq!(topics.own(), [&of_board[..], &of_discovery].concat());
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
