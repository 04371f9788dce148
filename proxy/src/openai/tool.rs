//! Tools, and whether they have to be called.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Error as _},
};

use super::{few::Few, message::CacheControl, raw::Raw, text::Text, words::words};

/// Names in `allowed_tools`.
const MAX_ALLOWED: usize = 512;

/// One entry of `tools`.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool<'a> {
    /// `function`
    Function(Function<'a>),
    /// Any other type, by its name.
    Other(Text<'a>),
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct Function<'a> {
    /// `name`
    #[serde(borrow)]
    pub name: Text<'a>,
    /// `description`
    #[serde(borrow)]
    pub description: Option<Text<'a>>,
    /// `parameters`: a JSON schema.
    #[serde(borrow)]
    pub parameters: Option<Raw<'a>>,
    /// `cache_control` beside `function`, an extension.
    #[serde(skip)]
    pub cache: Option<CacheControl<'a>>,
}

/// `tool_choice`
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// `none`
    None,
    /// `auto`
    Auto,
    /// `required`
    Required,
    /// One function, by its name.
    Function(Text<'a>),
    /// Some of the tools.
    Allowed {
        /// `allowed_tools.mode`
        mode: AllowedMode,
        /// Names of functions.
        names: Vec<Text<'a>>,
    },
    /// Any other type, by its name.
    Other(Text<'a>),
}

words! {
    /// `allowed_tools.mode`
    pub enum AllowedMode {
        /// They may be called.
        Auto = "auto",
        /// One of them has to be.
        Required = "required",
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawTool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    #[serde(borrow)]
    cache_control: Option<CacheControl<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Tool<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawTool::deserialize(deserializer)?;
        match raw.kind {
            Some(kind) if kind.as_str() != "function" => Ok(Self::Other(kind)),
            _ => {
                let function = raw.function.ok_or_else(|| D::Error::missing_field("function"))?;
                Ok(Self::Function(Function { cache: raw.cache_control, ..function }))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawChoice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    allowed_tools: Option<RawAllowed<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawAllowed<'a> {
    mode: AllowedMode,
    #[serde(borrow)]
    tools: Few<AllowedTool<'a>, MAX_ALLOWED>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct AllowedTool<'a> {
    #[serde(borrow)]
    function: Named<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ToolChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> de::Visitor<'de> for ChoiceVisitor {
    type Value = ToolChoice<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`none`, `auto`, `required` or an object that names a function")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<ToolChoice<'de>, E> {
        match word {
            "none" => Ok(ToolChoice::None),
            "auto" => Ok(ToolChoice::Auto),
            "required" => Ok(ToolChoice::Required),
            other => Err(E::unknown_variant(other, &["none", "auto", "required"])),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ToolChoice<'de>, A::Error> {
        let raw = RawChoice::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(match raw.kind.as_str() {
            "function" => {
                let function = raw.function.ok_or_else(|| A::Error::missing_field("function"))?;
                ToolChoice::Function(function.name)
            }
            "allowed_tools" => {
                let allowed = raw.allowed_tools.ok_or_else(|| A::Error::missing_field("allowed_tools"))?;
                ToolChoice::Allowed {
                    mode: allowed.mode,
                    names: allowed.tools.0.into_iter().map(|tool| tool.function.name).collect(),
                }
            }
            _ => ToolChoice::Other(raw.kind),
        })
    }
}

/// `function_call` of a request, before there were tools: `none`, `auto` or `{name}`.
pub(super) struct FunctionChoice<'a>(pub(super) ToolChoice<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for FunctionChoice<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = FunctionChoice<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`none`, `auto` or an object with a name")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<FunctionChoice<'de>, E> {
                match word {
                    "none" => Ok(FunctionChoice(ToolChoice::None)),
                    "auto" => Ok(FunctionChoice(ToolChoice::Auto)),
                    other => Err(E::unknown_variant(other, &["none", "auto"])),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<FunctionChoice<'de>, A::Error> {
                let named = Named::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(FunctionChoice(ToolChoice::Function(named.name)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
