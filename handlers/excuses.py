"""The words for every act that was not possible, by its reason."""

from bot.errors import OfficeError
from bot.words import Message, _

WORDS: dict[str, Message] = {
    "case": _("I find no case with that number. A number looks like 7K3M-9QX1; “my cases” shows yours."),
    "case.which": _("Which one? Add its number, or open one under “Queue” first."),
    "case.move": _("That cannot be done with this case as it stands now."),
    "case.owned": _("A colleague has this case already."),
    "case.owned_by": _("{who} has this case already."),
    "case.over": _("This case is over already. A new matter: just write it."),
    "case.changed": _("Someone was faster: case {number} has just changed. Open it again to see how it stands."),
    "case.not_yours": _("Case {number} belongs to a colleague. You can leave a note: /note {number}"),
    "case.not_closed": _("This case has no answer yet."),
    "case.not_brought": _("Only whoever brought this case can do that. You can add to it: /add {number}"),
    "case.followed_enough": _(
        "{at_most} people get the messages already, and no more fit. With number and code you can look at any time."
    ),
    "case.term_over": _(
        "It was answered more than 15 days ago. If it is not right, bring it once more: just write it."
    ),
    "case.redo": _("Only a supervisor or the head can have a case done again."),
    "case.offer": _("That is not offered to you, or not any more."),
    "case.sealed": _("A complaint about staff is not passed to a department."),
    "case.moved_enough": _("It has been passed on {at_most} times already. Now the head or a dispatcher decides."),
    "transfer.same": _("It is with that department already."),
    "transfer.offered": _("They have been asked already and have not decided yet. To add a word: /note {number}"),
    "transfer.reason": _("A reason is needed: one sentence for the colleagues."),
    "department": _("There is no such department."),
    "group": _("That group is not known any more."),
    "answer.empty": _("There are no words in it yet."),
    "answer.long": _("That is too long: at most {at_most} characters."),
    "words.empty": _("There is nothing in it yet: type, speak or send a photo."),
    "invite": _("This invitation is used up or has expired. Ask for a new one."),
    "sealed.yourself": _("That is you. Step back instead: then another supervisor takes over."),
    "sealed.person": _("There is nobody like that any more."),
    "sealed.only": _("Only a supervisor can do that, with a complaint about staff."),
    "check": _("Number and code do not match anything. Please look at both again."),
    "held.full": _(
        "What you said before is kept; there is no room for this as well. Please choose first, then send it once more."
    ),
    "drafts.full": _(
        "Much is begun here and not registered yet; there is no room for this as well. What you said before is kept. "
        "Please register what is open, or say “cancel”, then send this once more."
    ),
    "additions.full": _(
        "One matter holds {most} additions, and this one is full: what you just said is not in it. If there is more "
        "that counts, say “a person”: that opens a matter of its own."
    ),
    "link": _("This link is not known any more."),
    "notice": _("There is no such notice, or not any more."),
    "notice.over": _("That cannot be changed any more. A running notice can only be stopped."),
    "notice.changed": _("The notice has changed since. Look at it again; nothing was agreed to."),
    "notice.agreed": _("Somebody has agreed to it already."),
    "notice.audience": _("Choose first whom it is for."),
    "notice.nobody": _("Nobody would get it: choose others."),
    "notice.reader": _("An urgent notice needs somebody who reads the answers."),
    "notice.wider": _("The words name an area, and it would go to others too. Decide that first."),
    "notice.alone": _("Nobody else can agree to it here yet. An administrator invites somebody: /invite approver"),
    "notice.own": _("Nobody agrees to a notice of their own."),
    "notice.approver": _("Only an approver or head of the whole office can agree to it."),
    "notice.former": _("Whoever wrote it may not write notices any more: it does not go out."),
    "notice.count": _("That is not the number of its readers. Nothing was agreed to."),
    "notice.empty": _("There are no words in it yet."),
    "notice.long": _("That is too long: at most {at_most} characters."),
    "role.last": _("The last administrator cannot be removed."),
    "role": _("Nobody holds this role any more."),
}

CHOOSE_FIRST = frozenset(
    ("held.full", "drafts.full")
)  # what there was to choose from must stay within reach of who types


def excuse(error: OfficeError) -> Message:
    """What the person is told."""
    return WORDS[error.reason](**error.facts)
