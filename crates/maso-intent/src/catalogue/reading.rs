//! The written form of a domain's file.

use maso_core::{ControlId, Tier};
use serde::Deserialize;

use super::{Awaits, Concern, Control, ControlKind, Does, Domain, Effect, Needs, Rhythm, Strength};

/// Reads one domain.
///
/// # Errors
/// When the file is not well formed, or a control in it says what cannot be.
pub(super) fn domain(text: &str) -> Result<Domain, String> {
    let form: DomainForm = toml::from_str(text).map_err(|error| error.to_string())?;
    let controls = form.control.into_iter().map(|form| {
        let id = form.id.clone();
        control(form).map_err(|what| format!("{id}: {what}"))
    });
    Ok(Domain { code: form.code, name: form.name, controls: controls.collect::<Result<_, _>>()? })
}

fn control(form: ControlForm) -> Result<Control, String> {
    let ids = |ids: Vec<String>| ids.iter().map(|id| id.parse::<ControlId>()).collect::<Result<Vec<_>, _>>();
    let kind = match (form.kind, form.due) {
        (KindForm::Enforce, None) => ControlKind::Enforce,
        (KindForm::Detect, None) => ControlKind::Detect,
        (KindForm::Evidence, Some(due)) => ControlKind::Evidence(due.into()),
        (KindForm::Evidence, None) => return Err("evidence has a `due`".to_owned()),
        (_, Some(_)) => return Err("only evidence has a `due`".to_owned()),
    };
    let is_proven = !form.proof.is_empty() || !form.pairs.is_empty();
    let does = match (form.effect, form.state) {
        (None, None) if !is_proven && form.needs.is_none() && form.lacks.is_none() => None,
        (Some(effect), Some(state)) if is_proven => Some(Does {
            effect: effect.into(),
            needs: form.needs.map(|word| needs(&word)).transpose()?,
            strength: state.into(),
            lacks: form.lacks,
            proof: form.proof,
            pairs: form.pairs,
        }),
        _ => return Err("`effect`, `state` and a test in `proof` or `pairs` come together".to_owned()),
    };
    if does.is_some() && form.awaits.is_some() {
        return Err("what this version does something about awaits nothing".to_owned());
    }
    if form.says.matches('.').count() != 1 || !form.says.ends_with('.') {
        return Err("`says` is one sentence".to_owned());
    }
    Ok(Control {
        id: form.id.parse().map_err(|error: maso_core::IdError| error.to_string())?,
        title: form.title,
        tier: Tier::from_number(form.tier).ok_or("a tier is 1, 2 or 3")?,
        kind,
        says: form.says,
        same_as: ids(form.same_as).map_err(|error| error.to_string())?,
        concern: form.concern.map(Into::into),
        awaits: form.awaits.map(Into::into),
        does,
    })
}

fn needs(word: &str) -> Result<Needs, String> {
    match word {
        "tier" => Ok(Needs::Tier),
        "judge" => Ok(Needs::Judge),
        "signatures" => Ok(Needs::Signatures),
        id => {
            let what = |_| format!("`{id}` is not `tier`, `judge`, `signatures` or a control");
            id.parse().map(Needs::Control).map_err(what)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainForm {
    code: String,
    name: String,
    control: Vec<ControlForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlForm {
    id: String,
    title: String,
    tier: u8,
    kind: KindForm,
    says: String,
    due: Option<RhythmForm>,
    #[serde(default)]
    same_as: Vec<String>,
    concern: Option<ConcernForm>,
    awaits: Option<AwaitsForm>,
    effect: Option<EffectForm>,
    needs: Option<String>,
    state: Option<StrengthForm>,
    lacks: Option<String>,
    #[serde(default)]
    proof: Vec<String>,
    #[serde(default)]
    pairs: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindForm {
    Enforce,
    Detect,
    Evidence,
}

/// A word of the catalogue and what it means.
macro_rules! word {
    ($form:ident means $value:ident { $($variant:ident),+ $(,)? }) => {
        #[derive(Clone, Copy, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum $form {
            $($variant),+
        }

        impl From<$form> for $value {
            fn from(form: $form) -> Self {
                match form { $($form::$variant => Self::$variant),+ }
            }
        }
    };
}
word!(RhythmForm means Rhythm { Weekly, Monthly, Quarterly, Yearly });
word!(ConcernForm means Concern { Code });
word!(AwaitsForm means Awaits { Judges, Identity, Pace });
word!(EffectForm means Effect { Checked, Always, Switched });
word!(StrengthForm means Strength { Enforced, Detected });
