//! Icons, drawn in the document itself: no file, no font, no request.

use maud::{Markup, PreEscaped, html};

/// The mark in the browser's tab.
pub(crate) const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%230e6f68'/%3E%3Cpath d='M7 22V11l9 7 9-7v11' fill='none' stroke='%23fff' stroke-width='3' stroke-linejoin='round' stroke-linecap='round'/%3E%3C/svg%3E";

/// The product's mark.
pub(crate) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 32" aria-hidden="true" {
            rect width="32" height="32" rx="7" {}
            path d="M7 22V11l9 7 9-7v11" {}
        }
    }
}

/// An icon of the sprite.
pub(crate) fn icon(name: &str) -> Markup {
    html! { svg.icon aria-hidden="true" { use href={ "#icon-" (name) } {} } }
}

/// All icons, once in each page; modules refer to them by name.
pub(crate) fn sprite() -> Markup {
    html! {
        svg.sprite aria-hidden="true" width="0" height="0" {
            @for (name, paths) in ICONS {
                symbol id={ "icon-" (name) } viewBox="0 0 16 16" { (PreEscaped(paths)) }
            }
        }
    }
}

const ICONS: [(&str, &str); 25] = [
    ("live", r#"<path d="M1.5 8h3l2-5 3 10 2-5h3"/>"#),
    (
        "map",
        r#"<circle cx="3.5" cy="8" r="2"/><circle cx="12.5" cy="3.5" r="2"/><circle cx="12.5" cy="12.5" r="2"/><path d="m5.3 7.1 5.4-2.7M5.3 8.9l5.4 2.7"/>"#,
    ),
    (
        "approvals",
        r#"<path d="M8 1.5 13.5 4v4c0 3.2-2.3 5.6-5.5 6.5C4.8 13.6 2.5 11.2 2.5 8V4zM5.6 8l1.7 1.7 3.2-3.4"/>"#,
    ),
    ("tasks", r#"<path d="m1.8 4.2 1.3 1.3 2.3-2.6M1.8 11.2l1.3 1.3 2.3-2.6M8.2 4.5h6M8.2 11.5h6"/>"#),
    (
        "agents",
        r#"<rect x="3" y="5" width="10" height="8" rx="2"/><path d="M8 5V2.5M6 9v.5M10 9v.5M1.5 8.5v2M14.5 8.5v2"/>"#,
    ),
    ("posture", r#"<path d="M1.5 5c2.2-2 4.3-2 6.5 0s4.3 2 6.5 0M1.5 11c2.2-2 4.3-2 6.5 0s4.3 2 6.5 0"/>"#),
    (
        "record",
        r#"<path d="M6.6 9.4a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.7.7M9.4 6.6a2.6 2.6 0 0 0-3.7 0L3.4 8.9a2.6 2.6 0 0 0 3.7 3.7l.7-.7"/>"#,
    ),
    ("person", r#"<circle cx="8" cy="5.3" r="2.6"/><path d="M3 13.5c.6-2.8 2.5-4 5-4s4.4 1.2 5 4"/>"#),
    ("allow", r#"<circle cx="8" cy="8" r="6"/><path d="m5.4 8.2 1.8 1.8 3.5-3.8"/>"#),
    ("hold", r#"<circle cx="8" cy="8" r="6"/><path d="M6.6 5.8v4.4M9.4 5.8v4.4"/>"#),
    ("deny", r#"<circle cx="8" cy="8" r="6"/><path d="m5.9 5.9 4.2 4.2M10.1 5.9l-4.2 4.2"/>"#),
    ("ask", r#"<circle cx="8" cy="8" r="6"/><path d="M6.2 6.6a1.9 1.9 0 1 1 2.6 1.8c-.5.2-.8.5-.8 1M8 11.3v.1"/>"#),
    (
        "eye",
        r#"<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="1.9"/>"#,
    ),
    ("warn", r#"<path d="M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.2"/>"#),
    ("key", r#"<circle cx="5" cy="8" r="2.7"/><path d="M7.7 8h6.3M12 8v2.3M10 8v1.6"/>"#),
    ("arrow", r#"<path d="M2.5 8h11M9.8 4.3 13.5 8l-3.7 3.7"/>"#),
    ("close", r#"<path d="m4 4 8 8M12 4l-8 8"/>"#),
    ("clock", r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.3 1.5"/>"#),
    (
        "tool",
        r#"<path d="M9.7 6.3a3.3 3.3 0 0 1 4.2-4.1L11.7 4.4l.4 1.5 1.5.4 2.2-2.2a3.3 3.3 0 0 1-4.1 4.2l-6 6a1.5 1.5 0 0 1-2.1-2.1z" transform="translate(-1.2 .6)"/>"#,
    ),
    ("pause", r#"<path d="M5.5 3.5v9M10.5 3.5v9"/>"#),
    ("play", r#"<path d="M4.5 3v10l8-5z"/>"#),
    ("search", r#"<circle cx="7" cy="7" r="4.3"/><path d="m10.3 10.3 3.5 3.5"/>"#),
    (
        "copy",
        r#"<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 3.5v-.2A1.3 1.3 0 0 0 9.2 2H3.8A1.3 1.3 0 0 0 2.5 3.3v5.9c0 .7.6 1.3 1.3 1.3"/>"#,
    ),
    ("stop", r#"<path d="M5.5 1.8h5l3.7 3.7v5l-3.7 3.7h-5l-3.7-3.7v-5zM5.5 8h5"/>"#),
    ("judge", r#"<path d="M8 2v11.5M4.5 13.5h7M2.5 4h11M4 4l-2 5h4zM12 4l-2 5h4z"/>"#),
];
