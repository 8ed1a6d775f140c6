//! Styles and modules, embedded in the program.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

/// One file that a page loads.
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

impl Asset {
    /// The asset of this name, if there is one. The sign-in page's own are not among them.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }

    /// Serves it, or says that the browser's copy is still good. A copy is asked about each time it is used, so that
    /// none outlives a session.
    pub(crate) fn serve(&self, headers: &HeaderMap) -> Response {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        let tag = format!("\"{:016x}\"", hasher.finish());
        let same = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
        let how = [(header::CACHE_CONTROL, "private, no-cache".to_owned()), (header::ETAG, tag)];
        if same {
            return (StatusCode::NOT_MODIFIED, how).into_response();
        }
        (how, [(header::CONTENT_TYPE, self.media_type)], self.text).into_response()
    }
}

/// Each embedded file by its name.
#[cfg(test)]
pub(crate) fn modules() -> impl Iterator<Item = (&'static str, &'static str)> {
    ASSETS.iter().chain([&SIGN_IN_JS]).map(|asset| (asset.name, asset.text))
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// The style of the sign-in page, which anyone may read.
pub(crate) const SIGN_IN_CSS: Asset = Asset {
    name: "sign-in.css",
    media_type: CSS,
    text: concat!(include_str!("../assets/palette.css"), include_str!("../assets/sign-in.css")),
};

/// The module of the sign-in page, which anyone may read.
pub(crate) const SIGN_IN_JS: Asset =
    Asset { name: "sign-in.js", media_type: JS, text: include_str!("../assets/sign-in.js") };

macro_rules! modules {
    ($($name:literal),+ $(,)?) => {
        &[
            Asset {
                name: "console.css",
                media_type: CSS,
                text: concat!(include_str!("../assets/palette.css"), include_str!("../assets/console.css")),
            },
            $(Asset { name: $name, media_type: JS, text: include_str!(concat!("../assets/", $name)) }),+
        ]
    };
}

const ASSETS: &[Asset] = modules![
    "agents.js",
    "api.js",
    "approvals.js",
    "assumption.js",
    "dom.js",
    "evaluation.js",
    "evidence.js",
    "hop.js",
    "live.js",
    "map-drawing.js",
    "map-facts.js",
    "map-layout.js",
    "map-traffic.js",
    "map.js",
    "posture.js",
    "record.js",
    "shell.js",
    "stream.js",
    "task.js",
    "tasks.js",
    "ticket.js",
    "tool.js",
    "words.js",
];
