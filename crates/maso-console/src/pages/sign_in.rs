//! The one page that anyone may see.

use maud::{Markup, html};

use super::{document, icons};

/// Where operators sign in. A link carries its token in the fragment, which browsers send to nobody.
pub(crate) fn sign_in() -> Markup {
    document(
        "Sign in · maso",
        &html! {
            link rel="stylesheet" href="/console/sign-in.css";
            script type="module" src="/console/sign-in.js" {}
        },
        &html! {
            main.door {
                div.brand { (icons::mark()) span { "maso" } }
                h1 { "Sign in" }
                p.lead { "For the operators of this deployment." }
                // Without its module the form must not put a passphrase into an address.
                form #form method="post" novalidate {
                    div.field {
                        label for="operator" { "Operator" }
                        input #operator name="operator" type="text" autocomplete="username" autocapitalize="none"
                            spellcheck="false" required autofocus;
                    }
                    div.field {
                        label for="passphrase" { "Passphrase" }
                        input #passphrase name="passphrase" type="password" autocomplete="current-password" required;
                    }
                    p.problem #problem role="alert" hidden {}
                    button #submit type="submit" { "Sign in" }
                }
                p.wait #wait role="status" hidden { "Signing you in…" }
                p.hint {
                    "On the machine itself, the program prints a link that signs you in once, without a passphrase."
                }
                noscript { p.problem { "Signing in needs JavaScript." } }
            }
        },
    )
}
