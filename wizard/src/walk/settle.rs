//! What follows from every step: answers are judged, the focus is on something, the account is asked what it should be.

use super::{State, checks, fields, policy};
use crate::exchange::Effect;

impl State {
    /// Makes the state whole again after a message.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        self.is_unsettled = false;
        self.judge();
        self.place_focus();
        self.discover(effects);
        checks::schedule(self);
        policy::schedule(self, effects);
        self.cursor = self.cursor.min(self.lines().saturating_sub(1));
    }

    /// Puts the focus on a question that is there, and the line to be typed where the focus is.
    pub(super) fn place_focus(&mut self) {
        if !fields::is_field_page(self.page) {
            (self.focus, self.editor) = (None, None);
            return;
        }
        let visible = self.visible();
        let found =
            self.focus.as_ref().and_then(|path| visible.iter().find(|field| field.path == path).copied());
        if self.focus.is_some() && found.is_none() {
            fields::commit(self);
            self.focus = visible.first().map(|field| field.path.to_owned());
        }
        fields::open_editor(self);
        self.judge();
    }

    /// Asks what there is, where profile, Region or account are others than when it was last asked. One question at a
    /// time, so that an answer always belongs to the last question.
    pub(super) fn discover(&mut self, effects: &mut Vec<Effect>) {
        let said = |path: &str| self.answers.get(path).filter(|text| !text.is_empty()).map(str::to_owned);
        let rehearsal = self.answers.held("mode", &self.defaults) == "rehearsal";
        let with = (said("aws.profile"), said("aws.region"), rehearsal);
        if self.is_discovering || self.asked_with.as_ref() == Some(&with) {
            return;
        }
        self.is_discovering = true;
        self.asked_with = Some(with.clone());
        let (profile, region, rehearsal) = with;
        effects.push(Effect::Discover { profile, region, rehearsal });
    }
}
