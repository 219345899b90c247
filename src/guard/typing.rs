//! The type of an expression, and everything wrong with it: one walk, in the order of evaluation,
//! so that what a condition has told is known where it holds.

use crate::source::Span;
use crate::value::Value;

use super::facts::{Fact, Standing, facts};
use super::fault::{Fault, Wrong};
use super::known::known;
use super::logic::same;
use super::methods;
use super::operands;
use super::syntax::{Binary, Expr, ExprKind, Unary, Word};
use super::types::{Noun, Shape, Type};

/// How many of the names there are a fault tells: more are only counted.
const MAX_TOLD: usize = 1_000;

/// What the names in one place stand for.
pub trait Scope {
    /// The type of a name; `None` where there is no such name.
    fn name(&self, name: &str) -> Option<Type>;
    /// Every name.
    fn names(&self) -> Vec<&str>;
    /// How a step may stand here.
    fn standing(&self, step: &str) -> Standing;
    /// How many arguments a function of the author's own takes; empty where there is none.
    fn own_function(&self, name: &str) -> Vec<usize>;
    /// How many items the list of a dotted name certainly has.
    fn items(&self, _path: &[&str]) -> Option<usize> {
        None
    }
    /// What is wrong with a call of a function of the author's own, and where.
    fn wrong_call(&self, _name: &Word, _arguments: &[Expr]) -> Option<(Span, Wrong)> {
        None
    }
    /// What a primitive gives that can be called here; `None` where there is none.
    fn primitive(&self, _name: &str) -> Option<Type> {
        None
    }
}

/// The type of an expression and what is wrong with it, where `told` is known already.
pub fn check(expression: &Expr, scope: &dyn Scope, told: &[Fact]) -> (Type, Vec<Fault>) {
    let mut walk = Walk { scope, told: told.to_vec(), conditions: 0, faults: Vec::new() };
    let kind = match walk.expression(expression) {
        Type::Char => Type::Text,
        kind => kind,
    };
    (kind, walk.faults)
}

/// What a guard's type and faults are, where it must be a truth.
pub fn check_truth(expression: &Expr, scope: &dyn Scope, told: &[Fact]) -> Vec<Fault> {
    let mut walk = Walk { scope, told: told.to_vec(), conditions: 0, faults: Vec::new() };
    walk.truth(expression, None);
    super::logic::check(expression, &mut walk.faults);
    walk.faults
}

/// What is wrong with a dotted name on its own.
pub fn check_path(path: &[String], scope: &dyn Scope) -> Vec<Fault> {
    let mut words = path.iter().map(|word| Word { text: word.clone(), span: Span::default() });
    let Some(root) = words.next() else {
        return Vec::new();
    };
    let root = Expr { kind: ExprKind::Name(root.text), span: root.span };
    let name = words.fold(root, |of, name| {
        let span = name.span;
        Expr { kind: ExprKind::Property { of: Box::new(of), name, is_lenient: false }, span }
    });
    check(&name, scope, &[]).1
}

/// One walk through one expression.
pub(super) struct Walk<'s> {
    pub(super) scope: &'s dyn Scope,
    told: Vec<Fact>,
    /// How many conditions stand around what is looked at.
    conditions: usize,
    pub(super) faults: Vec<Fault>,
}

impl Walk<'_> {
    pub(super) fn fault(&mut self, span: Span, what: Wrong) {
        self.faults.push(Fault { span, what });
    }

    /// The type of an expression.
    pub(super) fn expression(&mut self, expression: &Expr) -> Type {
        let kind = self.looked_into(expression);
        if let Type::Map(shape) = &kind
            && matches!(shape.noun, Noun::Step | Noun::PropertyOfStep)
        {
            self.fault(expression.span, Wrong::NoValue { is_one: shape.noun == Noun::PropertyOfStep });
        }
        kind
    }

    /// The type of an expression of which only a part is read.
    fn looked_into(&mut self, expression: &Expr) -> Type {
        let is_not_null = |fact: &Fact| matches!(fact, Fact::NotNull(known) if same(known, expression));
        match self.kind(expression) {
            kind @ Type::Maybe(_) if self.told.iter().any(is_not_null) => kind.not_null(),
            kind => kind,
        }
    }

    /// The type of an expression that must not be null.
    pub(super) fn present(&mut self, expression: &Expr) -> Type {
        let kind = self.expression(expression);
        self.not_null(expression, kind)
    }

    /// The same, of which only a part is read.
    fn present_whole(&mut self, expression: &Expr) -> Type {
        let kind = self.looked_into(expression);
        self.not_null(expression, kind)
    }

    fn not_null(&mut self, expression: &Expr, kind: Type) -> Type {
        if matches!(kind, Type::Maybe(_)) {
            self.fault(expression.span, Wrong::MayBeNull);
        }
        kind.not_null()
    }

    fn kind(&mut self, expression: &Expr) -> Type {
        match &expression.kind {
            ExprKind::Literal(value) => Type::of(value),
            ExprKind::List(items) => {
                let types: Vec<_> = items.iter().map(|item| self.held(item)).collect();
                Type::list(Type::of_all(types))
            }
            ExprKind::Map(entries) => {
                let fields: Vec<_> = entries
                    .iter()
                    .map(|(key, item)| (key.text.clone(), super::types::Property::always(self.held(item))))
                    .collect();
                Type::record(Noun::Property, fields)
            }
            ExprKind::Name(name) => self.name(name, expression.span),
            ExprKind::Property { of, name, is_lenient: false } => {
                let whole = self.present_whole(of);
                self.property(expression, whole, name)
            }
            ExprKind::Property { of, name, is_lenient: true } => {
                self.leniently(of, |walk, whole| walk.property(expression, whole, name))
            }
            ExprKind::Index { of, at, is_lenient: false } => {
                let whole = self.present_whole(of);
                self.index(whole, of, at)
            }
            ExprKind::Index { of, at, is_lenient: true } => self.leniently(of, |walk, whole| walk.index(whole, of, at)),
            ExprKind::Call { of, name, arguments } => self.call(of.as_deref(), name, arguments),
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand),
            ExprKind::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1, expression.span),
            ExprKind::If(choice) => {
                self.truth(&choice.condition, Some("if"));
                let then = self.where_known(&choice.condition, true, |walk| walk.expression(&choice.then));
                let Some(otherwise) = &choice.otherwise else {
                    return Type::Any;
                };
                then.join(self.where_known(&choice.condition, false, |walk| walk.expression(otherwise)))
            }
        }
    }

    /// The type of what a list or a map holds: a character becomes a text when those leave.
    fn held(&mut self, item: &Expr) -> Type {
        match self.expression(item) {
            Type::Char => Type::Any,
            kind => kind,
        }
    }

    /// Walks on with what a condition tells.
    fn where_known<T>(&mut self, condition: &Expr, truth: bool, walk: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.told.len();
        self.told.extend(facts(condition, truth));
        self.conditions += 1;
        let result = walk(self);
        self.conditions -= 1;
        self.told.truncate(before);
        result
    }

    /// An expression that must be a truth.
    fn truth(&mut self, expression: &Expr, operator: Option<&'static str>) {
        let found = self.present(expression);
        if !matches!(found, Type::Bool | Type::Any) {
            self.fault(expression.span, Wrong::NotBool { found, operator });
        }
    }

    fn name(&mut self, name: &str, span: Span) -> Type {
        if let Some(kind) = self.scope.name(name) {
            return kind;
        }
        let known = self.scope.names().into_iter().map(str::to_owned).collect();
        self.fault(span, Wrong::UnknownName { name: name.to_owned(), known });
        Type::Any
    }

    /// What is looked up in a value that may be null, and is null where that is.
    fn leniently(&mut self, of: &Expr, look: impl FnOnce(&mut Self, Type) -> Type) -> Type {
        match self.looked_into(of) {
            Type::Null => Type::Any,
            Type::Maybe(kind) => look(self, (*kind).clone()).or_null(),
            kind => look(self, kind),
        }
    }

    fn property(&mut self, expression: &Expr, whole: Type, name: &Word) -> Type {
        if let Some(["steps", id, asked @ ("out" | "status")]) = expression.path().as_deref() {
            self.step(id, *asked == "out", expression.span);
        }
        let Type::Map(shape) = &whole else {
            if let Some(kind) = methods::property(&whole, &name.text) {
                return kind;
            }
            if !whole.is_any() {
                self.fault(name.span, Wrong::NoProperty { found: whole, name: name.text.clone() });
            }
            return Type::Any;
        };
        let is_told = expression.path().is_some_and(|path| self.is_there(&path));
        self.entry(shape, name, is_told)
    }

    /// An entry of a map, where it may be `told` that it is there.
    fn entry(&mut self, shape: &Shape, name: &Word, is_told: bool) -> Type {
        let is_optional = match shape.fields.get(&name.text) {
            Some(field) => field.is_optional,
            None => shape.noun == Noun::Group && shape.others.is_some(),
        };
        if is_optional && !is_told {
            let name_text = name.text.clone();
            let is_sure = shape.noun == Noun::Item && self.conditions == 0;
            let what = if is_sure { Wrong::NotInEach { name: name_text } } else { Wrong::Optional { name: name_text } };
            self.fault(name.span, what);
        }
        match shape.fields.get(&name.text) {
            Some(field) => field.kind.clone(),
            None => self.other(shape, name, is_told),
        }
    }

    /// An entry that is not declared.
    fn other(&mut self, shape: &Shape, name: &Word, is_told: bool) -> Type {
        let near = match shape.noun {
            Noun::Usual => shape.fields.keys().find(|known| is_one_slip(known, &name.text)).cloned(),
            _ => None,
        };
        let is_wrong = match (&shape.others, shape.noun) {
            (None, _) => true,
            (Some(_), noun) => noun == Noun::Usual && near.is_some() && !is_told,
        };
        if is_wrong {
            let known = shape.fields.keys().take(MAX_TOLD).cloned().collect::<Vec<_>>();
            self.fault(name.span, Wrong::UnknownProperty { noun: shape.noun, name: name.text.clone(), known, near });
        }
        shape.others.clone().unwrap_or_default()
    }

    /// Whether a condition has told that this is there.
    pub(super) fn is_there(&self, path: &[&str]) -> bool {
        self.told.iter().any(|fact| matches!(fact, Fact::Has(known) if known == path))
    }

    /// Whether a condition has told that this is not zero.
    pub(super) fn is_not_zero(&self, expression: &Expr) -> bool {
        let Some(path) = expression.path() else {
            return false;
        };
        self.told.iter().any(|fact| matches!(fact, Fact::NotZero(known) if *known == path))
    }

    /// A step's result or status.
    fn step(&mut self, id: &str, is_result: bool, span: Span) {
        let mut standing = self.scope.standing(id);
        for fact in &self.told {
            if let Fact::Step(known, told) = fact
                && known == id
            {
                standing = standing.and(*told);
            }
        }
        let good = if is_result { Standing::OK } else { Standing::ENDED };
        let is_said = self.faults.iter().any(|fault| matches!(&fault.what, Wrong::Step { id: said, .. } if said == id));
        if !standing.is_only(good) && !is_said {
            self.fault(span, Wrong::Step { id: id.to_owned(), standing, is_result });
        }
    }

    fn index(&mut self, whole: Type, of: &Expr, at: &Expr) -> Type {
        let index = self.present(at);
        let fits = match &whole {
            Type::Any => true,
            Type::Map(_) => index.compares_with(&Type::Text),
            Type::List(_) | Type::Text | Type::Word(_) | Type::Int => index.compares_with(&Type::Int),
            Type::Null | Type::Bool | Type::Number | Type::Char | Type::Duration | Type::Maybe(_) => false,
        };
        if !fits {
            self.fault(at.span, Wrong::Index { of: whole, at: index });
            return Type::Any;
        }
        match (&whole, &of.kind, &at.kind) {
            (Type::List(items), ..) => {
                self.in_range(of, at);
                (**items).clone()
            }
            (Type::Int, ..) => Type::Bool,
            (Type::Text | Type::Word(_), ..) => Type::Char,
            (Type::Map(shape), _, ExprKind::Literal(Value::Text(key))) => {
                let name = Word { text: key.to_string(), span: at.span };
                let path = of.path().map(|path| [path, vec![&*name.text]].concat());
                self.entry(shape, &name, path.is_some_and(|path| self.is_there(&path)))
            }
            _ => Type::Any,
        }
    }

    /// Whether a list has an item at an index, where both are known.
    fn in_range(&mut self, list: &Expr, at: &Expr) {
        let items = match &list.kind {
            ExprKind::List(written) => Some(written.len()),
            _ => list.path().and_then(|path| self.scope.items(&path)),
        };
        let asked = match known(at, &|_| None) {
            Some(Value::Int(asked)) => asked,
            _ => return,
        };
        if let Some(items) =
            items.filter(|items| i64::try_from(*items).is_ok_and(|count| asked >= count || asked < -count))
        {
            self.fault(at.span, Wrong::OutOfRange { at: asked, items });
        }
    }

    fn unary(&mut self, operator: Unary, operand: &Expr) -> Type {
        match operator {
            Unary::Not => {
                self.truth(operand, Some("!"));
                self.missing_under_not(operand);
                Type::Bool
            }
            Unary::Minus | Unary::Plus => {
                let found = self.present(operand);
                if matches!(found, Type::Any | Type::Int | Type::Number) {
                    return found;
                }
                let operator = if operator == Unary::Minus { "-" } else { "+" };
                self.fault(operand.span, Wrong::Operands { operator, left: found, right: None });
                Type::Number
            }
        }
    }

    fn binary(&mut self, operator: Binary, left: &Expr, right: &Expr, span: Span) -> Type {
        match operator {
            Binary::And | Binary::Or => {
                self.truth(left, Some(operator.symbol()));
                self.where_known(left, operator == Binary::And, |walk| walk.truth(right, Some(operator.symbol())));
                Type::Bool
            }
            Binary::OrElse => {
                let one = self.expression(left);
                let other = self.expression(right);
                if one == Type::Null { other } else { one.not_null().join(other) }
            }
            _ => {
                let types = (self.present(left), self.present(right));
                self.operands(operator, (left, right), types, span)
            }
        }
    }

    fn operands(&mut self, operator: Binary, sides: (&Expr, &Expr), types: (Type, Type), span: Span) -> Type {
        if operator.compares() {
            self.comparison(operator, sides, types, span);
            return Type::Bool;
        }
        if matches!(operator, Binary::In | Binary::NotIn) {
            self.membership(operator, sides, types, span);
            return Type::Bool;
        }
        self.quotient(operator, sides, &types);
        operands::result(operator, &types.0, &types.1).unwrap_or_else(|| {
            let right = Some(types.1);
            self.fault(span, Wrong::Operands { operator: operator.symbol(), left: types.0, right });
            Type::Any
        })
    }
}

/// Whether one letter too many, too few, wrong or swapped makes the difference.
fn is_one_slip(known: &str, written: &str) -> bool {
    known.len() > 3 && strsim::osa_distance(known, written) == 1
}
