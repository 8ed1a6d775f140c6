//! The pages: shells that their modules fill.

mod icons;
mod sign_in;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use sign_in::sign_in;

/// A page of the console.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Live,
    Map,
    Approvals,
    Tasks,
    Agents,
    Posture,
    Record,
}

impl Page {
    const ALL: [Self; 7] =
        [Self::Live, Self::Map, Self::Approvals, Self::Tasks, Self::Agents, Self::Posture, Self::Record];

    /// The page of this name in the address.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| *page != Self::Live && page.name() == name)
    }

    /// Its name in the address, and of its module.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Map => "map",
            Self::Approvals => "approvals",
            Self::Tasks => "tasks",
            Self::Agents => "agents",
            Self::Posture => "posture",
            Self::Record => "record",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Map => "Map",
            Self::Approvals => "Approvals",
            Self::Tasks => "Tasks",
            Self::Agents => "Agents",
            Self::Posture => "Posture",
            Self::Record => "Record",
        }
    }

    fn address(self) -> String {
        match self {
            Self::Live => "/console".to_owned(),
            _ => format!("/console/{}", self.name()),
        }
    }
}

/// A page before its module has filled it.
pub(crate) fn shell(page: Page) -> Markup {
    document(
        &format!("{} · maso", page.title()),
        &html! {
            link rel="stylesheet" href="/console/assets/console.css";
            script type="module" src={ "/console/assets/" (page.name()) ".js" } {}
        },
        &html! {
            (icons::sprite())
            a.skip href="#main" { "Skip to content" }
            div.frame {
                header.side {
                    a.brand href="/console" aria-label="maso, live" { (icons::mark()) span { "maso" } }
                    nav aria-label="Pages" {
                        @for other in Page::ALL {
                            a href=(other.address()) aria-current=[(other == page).then_some("page")] {
                                (icons::icon(other.name()))
                                span.name { (other.title()) }
                                @if other == Page::Approvals { span.badge #waiting hidden {} }
                                @if other == Page::Tasks { span.badge #questions hidden {} }
                            }
                        }
                    }
                    div.who {
                        div.operator { (icons::icon("person")) span #operator { "…" } }
                        div.roles #roles {}
                        button.quiet #sign-out type="button" { "Sign out" }
                    }
                }
                div.body {
                    div #banners {}
                    section.strip #strip aria-label="Deployment" { span.muted { "Loading status…" } }
                    main #main tabindex="-1" { div.loading { "Loading…" } }
                }
            }
            div.visually-hidden #announce aria-live="polite" role="status" {}
            noscript { p.noscript { "The console needs JavaScript. Everything here can also be done with the command line." } }
        },
    )
}

/// What is shown where there is no page.
pub(crate) fn not_found() -> Markup {
    document(
        "Not found · maso",
        &html! { link rel="stylesheet" href="/console/assets/console.css"; },
        &html! {
            main.alone {
                h1 { "There is no such page" }
                p { a href="/console" { "Go to the live view" } }
            }
        },
    )
}

/// A whole document. Its icon is part of it, so that no request for one is needed.
fn document(title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark light";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="icon" href=(PreEscaped(icons::FAVICON));
                (head)
            }
            body { (body) }
        }
    }
}
