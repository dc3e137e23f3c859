//! Who may do what: roles, the cameras that they are bound to, and what a request asks for.

use std::fmt;

use strum::{EnumString, IntoStaticStr, VariantNames};

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Send frames, and read the results of these.
    Send,
    /// Look at pictures, results, events and counters.
    View,
    /// Change what the board does while it runs. Includes [`Role::View`].
    Control,
    /// Change the board itself. Includes all other roles.
    Admin,
}

/// Roles, and the cameras for which they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    roles: Vec<Role>,
    /// The names of these; `None` for all cameras, and for what is of no camera.
    cameras: Option<Vec<String>>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The role; `None` if each will do.
    role: Option<Role>,
    scope: Scope,
}

/// What of the board a request concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All cameras, or what is of no camera.
    Board,
    /// The camera of this name.
    Camera(String),
    /// Nothing that is of one camera alone: the answer shows each only what it may see.
    Any,
}

impl Role {
    /// The names of all roles.
    pub const NAMES: &[&str] = Self::VARIANTS;

    /// The role's name, one of [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Control => matches!(other, Self::Control | Self::View),
            Self::Send | Self::View => self == other,
        }
    }
}

impl Rights {
    /// Rights of these roles, for `cameras` or for all.
    #[must_use]
    pub fn new(mut roles: Vec<Role>, cameras: Option<Vec<String>>) -> Self {
        roles.sort_unstable();
        roles.dedup();
        Self { roles, cameras }
    }

    /// All rights.
    #[must_use]
    pub fn all() -> Self {
        Self::new(vec![Role::Admin], None)
    }

    /// What `allow_anonymous` gives everybody.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(vec![Role::Send, Role::View], None)
    }

    /// Whether they are enough for `need`.
    #[must_use]
    pub fn allow(&self, need: &Need) -> bool {
        let has_role = need.role.is_none_or(|role| self.roles.iter().any(|has| has.includes(role)));
        has_role
            && match (&self.cameras, &need.scope) {
                (None, _) | (Some(_), Scope::Any) => true,
                (Some(_), Scope::Board) => false,
                (Some(_), Scope::Camera(name)) => self.cover(name),
            }
    }

    /// Whether they are for the camera of this name, whatever they allow.
    #[must_use]
    pub fn cover(&self, camera: &str) -> bool {
        self.cameras.as_ref().is_none_or(|cameras| cameras.iter().any(|one| one == camera))
    }

    /// The roles, each once, in the order of [`Role`].
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The cameras for which they hold, if not for all.
    #[must_use]
    pub fn cameras(&self) -> Option<&[String]> {
        self.cameras.as_deref()
    }
}

/// `send for door, yard`
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(|role| role.name()).collect();
        f.write_str(&roles.join(" and "))?;
        match &self.cameras {
            Some(cameras) => write!(f, " for {}", cameras.join(", ")),
            None => Ok(()),
        }
    }
}

impl Need {
    /// A role for something.
    #[must_use]
    pub fn role(role: Role, scope: Scope) -> Self {
        Self { role: Some(role), scope }
    }

    /// Any role.
    #[must_use]
    pub fn any() -> Self {
        Self { role: None, scope: Scope::Any }
    }
}

/// `the role view for the camera door`
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Some(role) => write!(f, "the role {}", role.name())?,
            None => f.write_str("a token")?,
        }
        match &self.scope {
            Scope::Board => f.write_str(" for all cameras"),
            Scope::Camera(name) => write!(f, " for the camera {}", name.escape_debug()),
            Scope::Any => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_reaches_as_far_as_it_includes_others_and_no_further() {
        let all = [Role::Send, Role::View, Role::Control, Role::Admin];
        let reaches = |role: Role| {
            let rights = Rights::new(vec![role], None);
            all.iter()
                .filter(|of| rights.allow(&Need::role(**of, Scope::Board)))
                .map(|of| of.name())
                .collect::<Vec<_>>()
        };
        assert_eq!(reaches(Role::Send), ["send"]);
        assert_eq!(reaches(Role::View), ["view"]);
        assert_eq!(reaches(Role::Control), ["view", "control"]);
        assert_eq!(reaches(Role::Admin), ["send", "view", "control", "admin"]);
        assert!(all.iter().all(|role| Rights::new(vec![*role], None).allow(&Need::any())));
    }

    #[test]
    fn a_bound_role_holds_for_its_cameras_alone() {
        let rights = Rights::new(vec![Role::Send, Role::Send], Some(vec!["door".into(), "yard".into()]));
        let send = |scope| rights.allow(&Need::role(Role::Send, scope));
        assert!(send(Scope::Camera("yard".into())) && send(Scope::Any));
        assert!(!send(Scope::Camera("street".into())) && !send(Scope::Board));
        assert!(!rights.allow(&Need::role(Role::View, Scope::Camera("yard".into()))));
        assert_eq!(rights.to_string(), "send for door, yard");
    }
}
