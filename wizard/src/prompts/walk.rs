//! All questions in their order, forwards and backwards, until the answers make a configuration.

use std::io;

use model::config::Problem;

use super::{Around, Asked, Chosen, Prompter, Said};
use crate::discovery::{Discovery, defaults};
use crate::draft::Draft;
use crate::exchange::Verdict;
use crate::form::{
    Answers, FIELDS, Field, GATEWAY, Judgement, Page, Proposal, Question, Remark, Shape, access_picture,
    configuration, is_relevant, judge, parsed, shown, shown_with, takes_nothing, tls_picture,
};

/// How the questions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything is answered.
    Answered,
    /// The operator left; the draft holds everything that was said.
    Left,
}

/// What came of the questions.
#[derive(Debug, Clone)]
pub struct Walked {
    /// How they ended.
    pub end: End,
    /// What was said.
    pub draft: Draft,
    /// What is known about the account by now.
    pub discovery: Discovery,
    /// The configuration that the answers make so far.
    pub configuration: String,
}

/// Asks everything, beginning where the draft stands.
pub fn walk(
    prompter: &mut dyn Prompter,
    draft: Draft,
    discovery: Discovery,
    around: &mut dyn Around,
) -> io::Result<Walked> {
    let mut walk = Walk { prompter, around, draft, discovery, announced: None };
    let end = walk.run()?;
    let configuration = walk.configuration();
    if end == End::Answered {
        walk.prompter.say("\nThe configuration:\n")?;
        walk.prompter.say(configuration.trim_end())?;
    } else {
        walk.prompter.say("\nEverything that you said is saved.")?;
    }
    Ok(Walked { end, draft: walk.draft, discovery: walk.discovery, configuration })
}

/// Answers after which another account or Region may be meant.
const PLACES: [&str; 3] = ["mode", "aws.profile", "aws.region"];

struct Walk<'a> {
    prompter: &'a mut dyn Prompter,
    around: &'a mut dyn Around,
    draft: Draft,
    discovery: Discovery,
    /// The page whose heading was said last.
    announced: Option<Page>,
}

/// Where to go from a question.
enum Next {
    Forward,
    Back,
    Leave,
}

impl Walk<'_> {
    fn run(&mut self) -> io::Result<End> {
        self.prompter.say(self.prompter.keys())?;
        for note in self.discovery.notes.clone() {
            self.prompter.say(&format!("note: {note}"))?;
        }
        let focus = self.draft.focus.clone();
        let focus = focus.and_then(|path| FIELDS.iter().position(|field| field.path == path));
        if focus.is_none() && !self.ask_how_much()? {
            return Ok(End::Left);
        }
        let mut at = focus.filter(|index| self.is_asked_at(*index)).or_else(|| self.after(None));
        let mut is_mending = false;
        loop {
            let Some(index) = at else {
                let Some(wrong) = self.first_wrong() else { return Ok(End::Answered) };
                self.prompter.say("\nOne answer needs another look.")?;
                (at, is_mending) = (Some(wrong), true);
                continue;
            };
            let Some(field) = FIELDS.get(index) else { return Ok(End::Answered) };
            match self.ask(field)? {
                Next::Leave => return Ok(End::Left),
                Next::Forward => at = if is_mending { None } else { self.after(Some(index)) },
                Next::Back => match self.before(index) {
                    Some(before) => (at, is_mending) = (Some(before), false),
                    None => self.prompter.say("This is the first question.")?,
                },
            }
        }
    }

    /// Whether to ask for everything; false where the operator leaves.
    fn ask_how_much(&mut self) -> io::Result<bool> {
        loop {
            let title = "Ask everything, also what most people leave as it is?";
            match self.prompter.confirm(title, self.draft.shows_advanced)? {
                Said::Value(everything) => {
                    self.draft.shows_advanced = everything;
                    return Ok(true);
                }
                Said::Quit => return Ok(false),
                Said::Back => self.prompter.say("This is the first question.")?,
                Said::Help => self.prompter.say(
                    "What is not asked for keeps its default. It is in the configuration all the same, and can be \
                     changed there.",
                )?,
            }
        }
    }

    fn is_asked(&self, field: &Field) -> bool {
        let is_shown =
            !field.is_advanced || self.draft.shows_advanced || self.draft.answers.get(field.path).is_some();
        is_shown
            && is_relevant(field.path, &self.draft.answers, &defaults(&self.discovery, &self.draft.answers))
    }

    fn is_asked_at(&self, index: usize) -> bool {
        FIELDS.get(index).is_some_and(|field| self.is_asked(field))
    }

    fn after(&self, index: Option<usize>) -> Option<usize> {
        let first = index.map_or(0, |index| index.saturating_add(1));
        (first..FIELDS.len()).find(|index| self.is_asked_at(*index))
    }

    fn before(&self, index: usize) -> Option<usize> {
        (0..index).rev().find(|index| self.is_asked_at(*index))
    }

    /// The first question whose answer cannot stay, whether it is usually asked or not.
    fn first_wrong(&self) -> Option<usize> {
        let defaults = defaults(&self.discovery, &self.draft.answers);
        let judgement = judge(&self.draft.answers, &defaults);
        FIELDS
            .iter()
            .position(|field| field.path != GATEWAY && judgement.of(field.path).any(Problem::is_error))
    }

    fn configuration(&self) -> String {
        configuration(&self.draft.answers, &defaults(&self.discovery, &self.draft.answers))
    }

    fn question(&self, field: &'static Field, answers: &Answers) -> Question {
        shown(field, answers, &defaults(&self.discovery, answers), &self.discovery)
    }

    /// Asks one question until the answer can stay.
    fn ask(&mut self, field: &'static Field) -> io::Result<Next> {
        self.announce(field.page)?;
        self.draft.page = field.page;
        self.draft.reached = self.draft.reached.max(field.page);
        self.draft.focus = Some(field.path.to_owned());
        loop {
            let defaults = defaults(&self.discovery, &self.draft.answers);
            // What is wrong with an answer is said once it was given.
            let unjudged = Judgement::none();
            let question = shown_with(field, &self.draft.answers, &defaults, &self.discovery, &unjudged);
            match self.put(field, &question)? {
                Said::Back => return Ok(Next::Back),
                Said::Quit => {
                    self.around.save(&self.draft)?;
                    return Ok(Next::Leave);
                }
                Said::Help => {
                    for line in question.explained() {
                        self.prompter.say(&format!("  {line}"))?;
                    }
                }
                Said::Value(answer) => {
                    if self.take(field, answer)? {
                        return Ok(Next::Forward);
                    }
                }
            }
        }
    }

    /// Shows the question. None is what holds already.
    fn put(&mut self, field: &Field, question: &Question) -> io::Result<Said<Option<String>>> {
        let asked = Asked { title: question.title, value: &question.value, source: &question.source };
        if question.choices.is_empty() {
            return self.put_text(field, asked);
        }
        let mut options = question.choices.clone();
        let option = |value: &str| Proposal { value: value.to_owned(), note: String::new() };
        let is_open = question.shape != Shape::Words;
        if is_open {
            if !question.text.is_empty() && options.iter().all(|option| option.value != question.text) {
                options.insert(0, option(&question.text));
            }
            if takes_nothing(field) {
                options.push(option("none"));
            }
        }
        let held = if question.text.is_empty() && is_open { "none" } else { &question.text };
        let default = options.iter().position(|option| option.value == held);
        let listed = |index: usize| options.get(index).map(|option| parsed(field, &option.value));
        Ok(if is_open {
            self.prompter.choose_or_type(asked, &options, default)?.map(|chosen| match chosen? {
                Chosen::Listed(index) => listed(index),
                Chosen::Typed(text) => Some(parsed(field, &text)),
            })
        } else {
            self.prompter.choose(asked, &options, default)?.map(|index| listed(index?))
        })
    }

    fn put_text(&mut self, field: &Field, asked: Asked<'_>) -> io::Result<Said<Option<String>>> {
        Ok(self.prompter.text(asked)?.map(|text| text.map(|text| parsed(field, &text))))
    }

    /// Takes an answer, or says why not.
    fn take(&mut self, field: &'static Field, answer: Option<String>) -> io::Result<bool> {
        let mut answers = self.draft.answers.clone();
        if let Some(text) = &answer {
            answers.set(field.path, text);
        }
        let question = self.question(field, &answers);
        for line in question.remarks.iter().map(Remark::line) {
            self.prompter.say(&format!("  {line}"))?;
        }
        if question.is_wrong() {
            self.draft.typing = answer.map(|text| (field.path.to_owned(), text));
            self.around.save(&self.draft)?;
            return Ok(false);
        }
        let text = configuration(&answers, &defaults(&self.discovery, &answers));
        if let Some(verdict) = self.around.check(field.path, &question.text, &text)
            && !self.accept(verdict)?
        {
            return Ok(false);
        }
        let defaults = defaults(&self.discovery, &self.draft.answers);
        let before = self.draft.answers.held(field.path, &defaults).to_owned();
        self.draft.answers = answers;
        self.draft.typing = None;
        self.around.save(&self.draft)?;
        if PLACES.contains(&field.path) && before != question.text {
            self.discover()?;
        }
        Ok(true)
    }

    /// Says what the account says; whether the answer stays.
    fn accept(&mut self, verdict: Verdict) -> io::Result<bool> {
        match verdict {
            Verdict::Fine { note } => self.prompter.say(&format!("  ok: {note}"))?,
            Verdict::Unknown { because } => {
                self.prompter.say(&format!("  note: this could not be checked: {because}"))?;
            }
            Verdict::Wrong { message, instead } => {
                self.prompter.say(&format!("  warning: {message}"))?;
                if let Some(instead) = instead {
                    self.prompter.say(&format!("  `{instead}` would do"))?;
                }
                return Ok(self.prompter.confirm("Keep it all the same?", false)? == Said::Value(true));
            }
        }
        Ok(true)
    }

    /// Looks at the place that the answers are about now. What is not there cannot stay.
    fn discover(&mut self) -> io::Result<()> {
        let answers = &self.draft.answers;
        let is_rehearsal = answers.held("mode", &defaults(&self.discovery, answers)) == "rehearsal";
        let said = |path| answers.get(path).filter(|text| !text.is_empty());
        let Some(found) = self.around.discover(said("aws.profile"), said("aws.region"), is_rehearsal) else {
            return Ok(());
        };
        for (path, list) in [("network.vpc_id", &found.vpcs), ("network.subnet_id", &found.subnets)] {
            let said = self.draft.answers.get(path).filter(|text| !text.is_empty()).map(str::to_owned);
            let is_there = |text: &String| list.iter().any(|choice| choice.value == *text);
            if let Some(gone) = said.filter(|text| !list.is_empty() && !is_there(text)) {
                self.draft.answers.unset(path);
                self.prompter
                    .say(&format!("  note: {gone} is not in this account and Region; it is forgotten"))?;
            }
        }
        for note in &found.notes {
            self.prompter.say(&format!("  note: {note}"))?;
        }
        self.discovery = found;
        self.around.save(&self.draft)
    }

    /// Says which page begins, and what there is to see on those that have no questions.
    fn announce(&mut self, page: Page) -> io::Result<()> {
        let Some(from) = self.announced.replace(page) else { return self.heading(page) };
        if from == page {
            return Ok(());
        }
        if from == Page::SecurityGroup && page > from {
            self.draw(Page::SecurityGroup)?;
        }
        for passed in Page::with_fields().filter(|passed| from < *passed && *passed < page) {
            self.heading(passed)?;
            if passed == Page::SecurityGroup {
                self.draw(passed)?;
            }
        }
        self.heading(page)
    }

    fn heading(&mut self, page: Page) -> io::Result<()> {
        self.prompter.say("")?;
        self.prompter.say(&page.heading())?;
        self.prompter.say(page.about())?;
        if page == Page::Tls { self.draw(page) } else { Ok(()) }
    }

    fn draw(&mut self, page: Page) -> io::Result<()> {
        let answers = &self.draft.answers;
        let defaults = defaults(&self.discovery, answers);
        let draw = if page == Page::Tls { tls_picture } else { access_picture };
        for line in draw(answers, &defaults) {
            self.prompter.say(&format!("  {}", line.text))?;
        }
        Ok(())
    }
}
