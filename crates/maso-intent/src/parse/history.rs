//! Where a declaration comes from.

use maso_core::Digest;
use uuid::Uuid;

use crate::{
    History,
    form::{AgentForm, At, JudgeForm, Moment, WorkflowForm},
};

/// What each declaration with an intent specification says of where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) version: Option<u32>,
    pub(crate) version_history: &'a [At<Digest>],
    pub(crate) created_by: Option<&'a At<String>>,
    oispec_id: Option<&'a At<Uuid>>,
    created_at: Option<&'a At<Moment>>,
}

impl Declared<'_> {
    pub(super) fn history(self) -> History {
        History {
            oispec_id: self.oispec_id.map(|id| id.value),
            created_by: self.created_by.map(|by| by.value.clone()),
            created_at: self.created_at.map(|at| at.value.0),
            version_history: self.version_history.iter().map(|digest| digest.value).collect(),
        }
    }
}

macro_rules! declared {
    ($($form:ty, $version:expr);+ $(;)?) => {$(
        impl<'a> From<&'a $form> for Declared<'a> {
            fn from(form: &'a $form) -> Self {
                Self {
                    version: $version(form),
                    version_history: &form.version_history,
                    created_by: form.created_by.as_ref(),
                    oispec_id: form.oispec_id.as_ref(),
                    created_at: form.created_at.as_ref(),
                }
            }
        }
    )+};
}
declared!(
    WorkflowForm, |form: &WorkflowForm| Some(form.version);
    AgentForm, |form: &AgentForm| Some(form.version);
    JudgeForm, |form: &JudgeForm| form.version;
);
