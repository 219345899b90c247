//! What primitives need of a target.

/// What a primitive needs its target to say, beside having what its arguments name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// How NATS is reached.
    Nats,
    /// How Prometheus is reached, where it is asked a `query`.
    Prometheus,
    /// How the service is deployed.
    Deploy,
    /// How the service's version is read.
    Version,
    /// Where the service's log is.
    Log,
    /// Where the service's metrics are.
    Metrics,
    /// How the service is asked for its hash.
    Hash,
}

impl Need {
    /// The key of a target, or of its service, that says it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Nats => "`nats`",
            Self::Prometheus => "`prometheus`",
            Self::Deploy => "`deploy` with `{version}`",
            Self::Version => "`version`",
            Self::Log => "`log`",
            Self::Metrics => "`metrics`",
            Self::Hash => "`hash`",
        }
    }

    /// The argument without which it is not needed.
    pub fn argument(self) -> Option<&'static str> {
        match self {
            Self::Nats => None,
            Self::Prometheus => Some("query"),
            Self::Deploy | Self::Version | Self::Log | Self::Metrics | Self::Hash => Some("service"),
        }
    }
}
