"""Help of the ReID commands: complete for every option."""

import argparse
from importlib import import_module

import pytest

COMMANDS = ("train", "adapt", "eval_reid", "export", "crop", "find")


def options_of(command):
    parser = argparse.ArgumentParser()
    import_module(f"deepsort_reid.cli.{command}").add_arguments(parser)
    return [action for action in parser._actions if action.dest != "help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_a_default_for_every_option(command):
    for action in options_of(command):
        assert action.help, action.dest
        if action.option_strings:
            assert "(default: " in action.help or action.required, action.dest


@pytest.mark.parametrize("command", COMMANDS)
def test_help_can_be_formatted(command):
    parser = argparse.ArgumentParser()
    import_module(f"deepsort_reid.cli.{command}").add_arguments(parser)
    assert "%" not in parser.format_help().replace("15 % of", "")
