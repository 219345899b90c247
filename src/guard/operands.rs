//! What operators and functions take, and the traps in comparing.

use crate::source::Span;
use crate::value::Value;

use super::facts::Standing;
use super::fault::Wrong;
use super::functions::{FUNCTIONS, Function, Parameter, Simple, wrong_pattern, wrong_text};
use super::methods;
use super::syntax::{Binary, Expr, ExprKind, Unary, Word};
use super::types::{Noun, Type};
use super::typing::Walk;

/// The type an operator gives for two values; `None` where it does not take them.
pub(super) fn result(operator: Binary, left: &Type, right: &Type) -> Option<Type> {
    let is_number = |kind: &Type| matches!(kind, Type::Int | Type::Number);
    match (operator, left, right) {
        (_, Type::Any, Type::Any) => Some(Type::Any),
        (Binary::Add, Type::Text | Type::Word(_), _) | (Binary::Add, _, Type::Text | Type::Word(_)) => Some(Type::Text),
        (Binary::Add, Type::Char, Type::Char) => Some(Type::Text),
        (Binary::Subtract, Type::Text | Type::Word(_), Type::Text | Type::Word(_) | Type::Char) => Some(Type::Text),
        (Binary::Add, Type::List(_), Type::List(_)) | (Binary::Add, Type::Map(_), Type::Map(_)) => {
            Some(left.clone().join(right.clone()))
        }
        (Binary::BitAnd | Binary::BitOr | Binary::BitXor, Type::Bool | Type::Any, Type::Bool | Type::Any) => {
            Some(Type::Bool)
        }
        (_, Type::Int, Type::Int) => Some(Type::Int),
        (Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::ShiftLeft | Binary::ShiftRight, ..) => {
            let may_be_int = |kind: &Type| matches!(kind, Type::Any | Type::Int | Type::Number);
            (may_be_int(left) && may_be_int(right)).then_some(Type::Int)
        }
        (_, left, right) if is_number(left) && is_number(right) => Some(Type::Number),
        (_, Type::Any, other) | (_, other, Type::Any) => {
            (!matches!(other, Type::Bool | Type::Null)).then_some(Type::Any)
        }
        _ => None,
    }
}

impl Simple {
    /// The type, as far as it says one.
    fn kind(self) -> Type {
        match self {
            Self::Value => Type::Any,
            Self::Null => Type::Null,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Float | Self::Number => Type::Number,
            Self::Text => Type::Text,
            Self::Duration => Type::Duration,
            Self::List => Type::list(Type::Any),
            Self::Map => Type::map_of(Type::Any),
            Self::File => Type::file(),
        }
    }

    fn takes(self, given: &Type) -> bool {
        match (self, given) {
            // Some functions take a character for a text.
            (Self::Value, _) | (Self::Null, Type::Null) | (Self::Text, Type::Char) => true,
            (Self::File, Type::Map(shape)) => {
                shape.others.is_some() || ["path", "text"].iter().all(|name| shape.fields.contains_key(*name))
            }
            (one, given) => given.compares_with(&one.kind()),
        }
    }
}

fn takes(parameter: &Parameter, given: &Type) -> bool {
    parameter.types.iter().any(|one| one.takes(given))
}

impl Walk<'_> {
    pub(super) fn call(&mut self, of: Option<&Expr>, name: &Word, arguments: &[Expr]) -> Type {
        let all: Vec<&Expr> = of.into_iter().chain(arguments).collect();
        let arities = self.scope.own_function(&name.text);
        let own = Function::named(&name.text);
        let may_be_null = |at: usize| match own {
            _ if !arities.is_empty() => true,
            Some(function) => function.takes.get(at).is_some_and(|one| takes(one, &Type::Null)),
            None => at > 0,
        };
        let types: Vec<Type> = all
            .iter()
            .enumerate()
            .map(|(at, argument)| if may_be_null(at) { self.expression(argument) } else { self.present(argument) })
            .collect();
        if let Some(given) = self.scope.primitive(&name.text).filter(|_| of.is_none()) {
            return given;
        }
        if !arities.is_empty() {
            if of.is_none() && !arities.contains(&types.len()) {
                let signature =
                    format!("{}({})", name.text, vec!["_"; arities.first().copied().unwrap_or(0)].join(", "));
                self.fault(name.span, Wrong::WrongCount { signature, given: types.len(), is_method: false });
            } else if let Some((at, wrong)) = self.scope.wrong_call(name, arguments) {
                self.fault(at, wrong);
            }
            return Type::Any;
        }
        let on = types.first().cloned();
        let is_engines = on.as_ref().is_some_and(|on| methods::methods(on).contains(&name.text.as_str()));
        match own {
            Some(function) if self.fits(function, &types) => self.given(function, &all, &types),
            Some(function) if function.takes.len() == types.len() => {
                self.misfit(function, &all, &types);
                function.gives.kind()
            }
            _ if is_engines => methods::result(&name.text, on.as_ref().unwrap_or(&Type::Any)),
            Some(function) => {
                let (signature, given) = (function.signature(), types.len());
                self.fault(name.span, Wrong::WrongCount { signature, given, is_method: of.is_some() });
                function.gives.kind()
            }
            None => {
                let mut known: Vec<_> = FUNCTIONS.iter().map(|function| function.name).collect();
                known.extend(on.iter().filter(|_| of.is_some()).flat_map(methods::methods));
                let on = if of.is_some() { on } else { None };
                self.fault(name.span, Wrong::UnknownFunction { name: name.text.clone(), on, known });
                Type::Any
            }
        }
    }

    fn fits(&self, function: &Function, types: &[Type]) -> bool {
        types.len() == function.takes.len() && function.takes.iter().zip(types).all(|(one, given)| takes(one, given))
    }

    fn misfit(&mut self, function: &Function, all: &[&Expr], types: &[Type]) {
        let signature = function.signature();
        let wrong = function.takes.iter().zip(types).zip(all).find(|((one, given), _)| !takes(one, given));
        if let Some(((_, found), argument)) = wrong {
            self.fault(argument.span, Wrong::WrongArgument { signature, found: found.clone() });
        }
    }

    /// What a function gives; the entry that `get` and `has` ask for must be one there can be.
    fn given(&mut self, function: &Function, all: &[&Expr], types: &[Type]) -> Type {
        if let ("all_equal", Some(Type::List(items)), Some(list)) = (function.name, types.first(), all.first())
            && matches!(**items, Type::Maybe(_))
        {
            self.fault(list.span, Wrong::MayBeNull);
        }
        if let ("matches", Some(pattern)) = (function.name, all.get(1))
            && let Some(why) = pattern.as_text().and_then(wrong_pattern)
        {
            self.fault(pattern.span, Wrong::BadPattern { why });
        }
        self.text_is_read(function, all);
        let (Some(Type::Map(shape)), Some(key)) = (types.first(), all.get(1)) else {
            return function.gives.kind();
        };
        let Some(text) = key.as_text().filter(|_| matches!(function.name, "get" | "has")) else {
            return function.gives.kind();
        };
        let field = shape.fields.get(text);
        if field.is_none() && shape.others.is_none() {
            let known = shape.fields.keys().cloned().collect::<Vec<_>>();
            let what = Wrong::UnknownProperty { noun: Noun::Property, name: text.to_owned(), known, near: None };
            self.fault(key.span, what);
        }
        match (function.name, field, types.get(2)) {
            ("get", Some(field), Some(default)) => field.kind.clone().join(default.clone()),
            _ => function.gives.kind(),
        }
    }

    /// Whether a function can read the text it is handed, as far as that is known.
    fn text_is_read(&mut self, function: &Function, all: &[&Expr]) {
        let Some(argument) = all.first() else {
            return;
        };
        let wrong = match (argument.as_text(), &argument.kind) {
            (Some(text), _) => wrong_text(function.name, text),
            (None, ExprKind::Property { of, name, .. }) if function.name == "policy_hash" && name.text == "path" => {
                let faults = self.faults.len();
                let is_file = self.expression(of) == Type::file();
                self.faults.truncate(faults);
                let file = of.path().filter(|_| is_file).map(|path| path.join("."));
                file.map(|file| {
                    ("the path of a file is no policy".to_owned(), format!("hand over the file: `policy_hash({file})`"))
                })
            }
            _ => None,
        };
        if let Some((why, help)) = wrong {
            self.fault(argument.span, Wrong::BadText { why, help });
        }
    }

    pub(super) fn comparison(&mut self, operator: Binary, sides: (&Expr, &Expr), types: (Type, Type), span: Span) {
        let (left, right) = types;
        if left == Type::Null || right == Type::Null {
            return self.fault(span, Wrong::Null);
        }
        let is_ordering = !matches!(operator, Binary::Equal | Binary::NotEqual);
        if !left.compares_with(&right) || (is_ordering && !(left.is_ordered() && right.is_ordered())) {
            let operator = operator.symbol();
            return self.fault(span, Wrong::Operands { operator, left, right: Some(right) });
        }
        self.word(&left, sides.0, sides.1);
        self.word(&right, sides.1, sides.0);
        if operator == Binary::NotEqual {
            self.missing(sides.0, sides.1);
            self.missing(sides.1, sides.0);
        }
    }

    /// A text beside a value that can be only one of some words.
    fn word(&mut self, kind: &Type, value: &Expr, beside: &Expr) {
        let (Type::Word(words), Some(text)) = (kind, beside.as_text()) else {
            return;
        };
        if !words.contains(&text) {
            self.fault(beside.span, Wrong::UnknownWord { text: text.to_owned(), words });
        } else if Standing::of_word(text) == Standing::IN_DOUBT && !self.may_be_in_doubt(value) {
            self.fault(beside.span, Wrong::NeverInDoubt);
        }
    }

    /// Whether the step whose status is asked for may be in doubt, as far as that can be seen.
    fn may_be_in_doubt(&self, status: &Expr) -> bool {
        match status.path().as_deref() {
            Some(["steps", id, "status"]) => self.scope.standing(id).may_be(Standing::IN_DOUBT),
            _ => true,
        }
    }

    pub(super) fn membership(&mut self, operator: Binary, sides: (&Expr, &Expr), types: (Type, Type), span: Span) {
        let (item, whole) = types;
        let fits = match &whole {
            Type::Any => item != Type::Null,
            Type::List(items) => item != Type::Null && item.compares_with(items),
            Type::Text | Type::Word(_) if item == Type::Char => true,
            Type::Map(_) | Type::Text | Type::Word(_) => item.compares_with(&Type::Text),
            _ => false,
        };
        if !fits {
            let operator = operator.symbol();
            return self.fault(span, Wrong::Operands { operator, left: item, right: Some(whole) });
        }
        if let ExprKind::List(items) = &sides.1.kind {
            items.iter().for_each(|one| self.word(&item, sides.0, one));
        }
        if operator == Binary::NotIn {
            self.missing(sides.0, sides.1);
        }
    }

    /// A value whose being missing would count as different from `beside`, or as a failure.
    fn missing(&mut self, value: &Expr, beside: &Expr) {
        match &value.kind {
            ExprKind::Property { of, name, .. } if self.is_foreign(value, of) => {
                self.fault(name.span, Wrong::MayBeMissing { name: name.text.clone(), has_default: false });
            }
            ExprKind::Call { of, name, arguments } if name.text == "get" => {
                let mut all = of.as_deref().into_iter().chain(arguments).skip(1);
                let (Some(key), Some(default)) = (all.next(), all.next()) else {
                    return;
                };
                let is_same =
                    matches!((&default.kind, &beside.kind), (ExprKind::Literal(a), ExprKind::Literal(b)) if a == b);
                if !is_same && matches!(default.kind, ExprKind::Literal(_)) {
                    let name = key.as_text().unwrap_or("a value").to_owned();
                    self.fault(value.span, Wrong::MayBeMissing { name, has_default: true });
                }
            }
            _ => {}
        }
    }

    /// The same under `!`.
    pub(super) fn missing_under_not(&mut self, operand: &Expr) {
        let (beside_true, beside_false) = (Value::Bool(true), Value::Bool(false));
        match &operand.kind {
            ExprKind::Unary(Unary::Not, _) => {}
            ExprKind::Binary(Binary::Equal, sides) => {
                self.missing(&sides.0, &sides.1);
                self.missing(&sides.1, &sides.0);
            }
            ExprKind::Binary(Binary::In, sides) => self.missing(&sides.0, &sides.1),
            _ => {
                let is_no = |default: &Expr| default.kind == ExprKind::Literal(beside_false.clone());
                let is_trap = match &operand.kind {
                    ExprKind::Call { arguments, .. } => arguments.last().is_some_and(is_no),
                    _ => true,
                };
                if is_trap {
                    let beside = Expr { kind: ExprKind::Literal(beside_true), span: operand.span };
                    self.missing(operand, &beside);
                }
            }
        }
    }

    /// Whether this is a property of something that comes from outside and may have any form.
    fn is_foreign(&mut self, value: &Expr, of: &Expr) -> bool {
        let Some(path) = value.path() else {
            return false;
        };
        let faults = self.faults.len();
        let whole = self.expression(of);
        self.faults.truncate(faults);
        let is_unknown = match whole {
            Type::Any => true,
            Type::Map(shape) => {
                shape.others.is_some()
                    && shape.noun == Noun::Property
                    && path.last().is_some_and(|name| !shape.fields.contains_key(*name))
            }
            _ => false,
        };
        is_unknown && !self.is_there(&path)
    }

    /// A quotient whose divisor may be zero.
    pub(super) fn quotient(&mut self, operator: Binary, sides: (&Expr, &Expr), types: &(Type, Type)) {
        if !matches!(operator, Binary::Divide | Binary::Remainder) {
            return;
        }
        let divisor = sides.1;
        if let ExprKind::Literal(value) = &divisor.kind {
            if value.as_number() == Some(0.0) {
                self.fault(divisor.span, Wrong::MayBeNan { is_certain: true });
            }
            return;
        }
        let is_number = |kind: &Type| matches!(kind, Type::Int | Type::Number);
        if is_number(&types.0) && is_number(&types.1) && !self.is_not_zero(divisor) {
            self.fault(divisor.span, Wrong::MayBeNan { is_certain: false });
        }
    }
}
