"""Reads the forms and texts of a page, as far as tests need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form: where it goes, its fields with what is filled in, and its buttons' texts."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


@dataclass
class Element:
    """A start tag with its attributes and the text up to its end."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Page(HTMLParser):
    """`forms`, `elements` and `text` of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._form: Form | None = None
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        self._open.append(element)
        name = element.attributes.get("name")
        if tag == "form":
            self._form = Form(element.attributes.get("action", ""), element.attributes.get("method", "get"))
            self.forms.append(self._form)
        elif self._form and name and tag in ("input", "textarea", "select"):
            unticked = element.attributes.get("type") in ("radio", "checkbox") and "checked" not in element.attributes
            if not unticked:
                self._form.fields[name] = element.attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        while self._open:
            element = self._open.pop()
            element.text = " ".join(element.text.split())
            if element.tag == tag:
                if tag == "button" and self._form:
                    self._form.buttons.append(element.text)
                return

    def handle_data(self, data: str) -> None:
        if not any(element.tag in ("script", "style", "head") for element in self._open):
            self.text += data
        for element in self._open:
            element.text += data

    def form_with(self, *names: str, button: str | None = None) -> Form:
        """The first form that has these fields and this button."""
        for form in self.forms:
            if all(name in form.fields for name in names) and (button is None or button in form.buttons):
                return form
        raise LookupError(f"no form with {names} {button or ''} among {self.forms}")

    def find(self, tag: str, **attributes: str) -> Element:
        """The first element of this kind with these attributes."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        for element in self.elements:
            if element.tag == tag and wanted.items() <= element.attributes.items():
                return element
        raise LookupError(f"no <{tag}> with {wanted}")

    def problem_at(self, name: str) -> str:
        """The text that `aria-describedby` ties to the invalid field with this name."""
        control = self.find("input", name=name, aria_invalid="true")
        ids = control.attributes["aria-describedby"].split()
        return " ".join(element.text for element in self.elements if element.attributes.get("id") in ids)
