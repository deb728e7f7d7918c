"""Laws: rules that hold in the database itself, whoever writes (ORM, `update()`, bulk writers, raw SQL).

A law is a django-pgtrigger trigger whose function has **no ignore branch**: pgtrigger's own functions skip themselves
for any role that says `SET pgtrigger.ignore`. It is enabled ALWAYS, so that `session_replication_role = replica` does
not switch it off either. Laws guard, they never compute. Each refuses with ERRCODE 23514 (check_violation, which Django
raises as IntegrityError), its stable name as the constraint name, and a sentence that names the missing condition.
"""

from typing import Any

import pgtrigger
from pgtrigger import compiler

from core.statemachine import Machine


class LawSql(compiler.UpsertTriggerSql):
    """The installed form of a law. Migrations name this class: change the template only together with a new class."""

    def get_template(self) -> str:
        return """
            CREATE OR REPLACE FUNCTION {pgid}()
            RETURNS TRIGGER AS $$
                {declare}
                BEGIN
                    {func}
                END;
            $$ LANGUAGE plpgsql SET search_path = public, pg_temp;

            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON {table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE PROCEDURE {execute};
            ALTER TABLE {table} ENABLE ALWAYS TRIGGER {pgid};

            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class Law(pgtrigger.Trigger):
    """A rule of the database. Give `name`, `operation` and `func` (PL/pgSQL that ends in `RETURN NEW;`)."""

    when = pgtrigger.Before

    def compile(self, model: Any) -> compiler.Trigger:  # a model class; pgtrigger annotates it as an instance
        return compiler.Trigger(
            name=self.name,
            sql=LawSql(
                pgid=self.get_pgid(model),
                declare=self.render_declare(model),
                func=self.render_func(model),
                table=model._meta.db_table,
                constraint="CONSTRAINT" if self.timing else "",
                when=self.when,
                operation=self.operation,
                timing=f"DEFERRABLE INITIALLY {self.timing}" if self.timing else "",
                referencing=self.referencing or "",
                level=self.level,
                condition=self.render_condition(model),
                execute=self.render_execute(model),
            ),
        )


def refuse(law: str, sentence: str) -> str:
    """PL/pgSQL that refuses the write under the name of the law."""
    quoted = sentence.replace("'", "''").replace("%", "%%")  # RAISE takes a format
    return f"RAISE EXCEPTION '{quoted}' USING ERRCODE = '23514', CONSTRAINT = '{law}';"


class AppendOnly(Law):
    """Rows are written once: no UPDATE, no DELETE. A mistake gets a reversing entry."""

    operation = pgtrigger.Update | pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, func=refuse(name, "a row of this table is never changed or deleted"))


class NeverDelete(Law):
    """Rows may change as other laws allow, but stay."""

    operation = pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        super().__init__(name=name, func=refuse(name, "a row of this table is never deleted"))


class Fixed(Law):
    """The named columns keep the value with which the row was written."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str, columns: tuple[str, ...]) -> None:
        self.columns = columns
        same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in columns)
        sentence = f"these columns never change: {', '.join(columns)}"
        super().__init__(name=name, func=f"IF {same} THEN RETURN NEW; END IF; {refuse(name, sentence)}")


class StartsAt(Law):
    """A new row begins in the machine's initial state, or in one that `also` names."""

    operation = pgtrigger.Insert

    def __init__(
        self, *, name: str, machine: Machine, column: str = "state", also: tuple[str, ...] = ()
    ) -> None:
        self.machine, self.column = machine, column
        self.states = (str(machine.initial), *map(str, also))
        listed = ", ".join(f"'{state}'" for state in self.states)
        sentence = f"{machine.name} begins as {' or '.join(self.states)}"
        func = f"IF NEW.{column} IN ({listed}) THEN RETURN NEW; END IF; {refuse(name, sentence)}"
        super().__init__(name=name, func=func)


class Transitions(Law):
    """A change of the state column must be a step of the machine's table."""

    def __init__(self, *, name: str, machine: Machine, column: str = "state") -> None:
        self.machine, self.column = machine, column
        steps = ", ".join(
            f"('{source}','{target}')"
            for source, targets in sorted(machine.transitions.items())
            for target in sorted(targets)
        )
        func = (
            f"IF NEW.{column} = OLD.{column} OR (OLD.{column}, NEW.{column}) IN ({steps}) THEN RETURN NEW; END IF; "
            f"{refuse(name, f'{machine.name}: this step is not in the table of transitions')}"
        )
        update = pgtrigger.UpdateOf(column)  # type: ignore[no-untyped-call]
        super().__init__(name=name, operation=update, func=func)


def violated(error: Exception) -> str:
    """The name of the constraint or law that an IntegrityError reports, or "" when it names none."""
    diag: Any = getattr(error.__cause__, "diag", None)
    return getattr(diag, "constraint_name", None) or ""
