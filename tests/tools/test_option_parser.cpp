#include "tools/option_parser.hpp"

#include "tests/catch.hpp"

using namespace dnsp;
using tools::OptionParser;

namespace {

enum class Colour { red, green };

struct Inner {
    std::map<std::string, double> terms = {{"kept", 1.0}};
    std::uint64_t seed = 1;
    void visit(OptionVisitor& v) {
        v.option({.key = "terms", .flag = "--term"}, terms);
        v.option({.key = "seed", .flag = "--seed"}, seed);
    }
};

struct Settings {
    std::vector<std::string> inputs;
    bool loud = true, constrained = true;
    int steps = 0, axis = -1;
    double rate = 0.5, hidden = 3.0;
    NumberOrRange width = 1.0, height = {1.0, 2.0};
    std::string backend;
    Colour colour = Colour::green;
    Inner inner;
    void visit(OptionVisitor& v) {
        v.option({.key = "inputs", .flag = "inputs", .help = "files"}, inputs);
        v.option({.key = "loud", .flag = "--loud"}, loud);
        v.option({.key = "constrained", .flag = "--constraint", .choices = {"none", "norm"}}, constrained);
        v.option({.key = "steps", .flag = "--steps", .group = "Training", .range = Range::positive}, steps);
        v.option({.key = "axis", .flag = "--axis", .names = {{"auto", -1}, {"x", 0}, {"y", 1}}}, axis);
        v.option({.key = "rate", .flag = "--rate", .range = Range::non_negative}, rate);
        v.option({.key = "hidden"}, hidden);
        v.option({.key = "width", .flag = "--width", .range = Range::positive}, width);
        v.option({.key = "height", .flag = "--height"}, height);
        v.option({.key = "backend",
                  .flag = "--backend",
                  .choices = {"native", "other"},
                  .aliases = {{"ours", "native"}}},
                 backend);
        v.option({.key = "colour", .flag = "--colour"}, colour,
                 {{"red", Colour::red}, {"green", Colour::green}});
        v.nested("inner", [&] { inner.visit(v); });
    }
};

/// The settings after the parse of a command line.
Settings parsed(std::vector<std::string> arguments, Settings settings = {}) {
    CLI::App app;
    OptionParser parser(app);
    parser.add(Settings{});
    std::reverse(arguments.begin(), arguments.end());  // CLI11 expects arguments in reverse order
    app.parse(arguments);
    parser.apply(settings);
    return settings;
}

std::string refusal(const std::vector<std::string>& arguments) {
    try {
        parsed(arguments);
    } catch (const CLI::ParseError& error) {
        return error.what();
    } catch (const Error& error) {
        return std::string("Error ") + error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("options of every type are parsed") {
    const Settings s = parsed({"a",
                               "b",
                               "--loud",
                               "false",
                               "--constraint",
                               "none",
                               "--steps",
                               "7",
                               "--axis",
                               "y",
                               "--rate",
                               "0.25",
                               "--backend",
                               "other",
                               "--colour",
                               "red",
                               "--term",
                               "x=-1e-3",
                               "--term",
                               "y=2",
                               "--seed",
                               "18446744073709551615"});
    CHECK(s.inputs == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(s.loud);
    CHECK_FALSE(s.constrained);
    CHECK(s.steps == 7);
    CHECK(s.axis == 1);
    CHECK(s.rate == 0.25);
    CHECK(s.hidden == 3.0);
    CHECK(s.backend == "other");
    CHECK(s.colour == Colour::red);
    CHECK(s.inner.terms == std::map<std::string, double>{{"kept", 1.0}, {"x", -1e-3}, {"y", 2.0}});
    CHECK(s.inner.seed == 18446744073709551615ull);
}

TEST_CASE("options that are not given leave the struct unchanged") {
    Settings recorded;
    recorded.steps = 42;
    recorded.colour = Colour::red;
    recorded.inputs = {"recorded"};
    const Settings s = parsed({"--rate", "2"}, recorded);
    CHECK(s.steps == 42);
    CHECK(s.colour == Colour::red);
    CHECK(s.inputs == std::vector<std::string>{"recorded"});
    CHECK(s.rate == 2.0);
    CHECK(s.backend.empty());
}

TEST_CASE("choices have aliases and may be written in lower or upper case") {
    CHECK(parsed({"--backend", "ours"}).backend == "native");
    CHECK(parsed({"--backend", "Native"}).backend == "native");
    CHECK(parsed({"--colour", "RED"}).colour == Colour::red);
    CHECK(parsed({"--constraint", "Norm"}).constrained);
    CHECK(parsed({"--axis", "X"}).axis == 0);
    CHECK(parsed({"--axis", "1"}).axis == 1);
}

TEST_CASE("the error for a wrong type, range or choice names the option") {
    for (const auto& [arguments, sentence] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"--steps", "0"}, "--steps: expected a number above 0, got 0"},
             {{"--steps", "x"}, "--steps: expected a number above 0, got x"},
             {{"--rate", "nan"}, "--rate: expected a number of at least 0, got nan"},
             {{"--rate", "inf"}, "--rate: expected a number of at least 0, got inf"},
             {{"--seed", "-1"}, "--seed: expected a whole number of at least 0, got -1"},
             {{"--term", "x=nan"}, "Error --term x=nan: invalid weight"},
             {{"--rate", "-1"}, "--rate: expected a number of at least 0, got -1"},
             {{"--loud", "maybe"}, "Could not convert: --loud = maybe"},
             {{"--backend", "x"}, "--backend: x not in {native,other}"},
             {{"--colour", "blue"}, "--colour: blue not in {red,green}"},
             {{"--constraint", "x"}, "--constraint: x not in {none,norm}"},
             {{"--axis", "q"}, "--axis: Check q value in"},
             {{"--hidden", "1"}, "--hidden"},
             {{"--term", "x"}, "Error --term x: expected name=weight"},
             {{"--term", "x=y"}, "Error --term x=y: invalid weight"},
             {{"--term", "x=1y"}, "Error --term x=1y: invalid weight"}}) {
        INFO(refusal(arguments));
        CHECK(refusal(arguments).find(sentence) != std::string::npos);
    }
}

TEST_CASE("--help shows groups and defaults") {
    CLI::App app;
    OptionParser parser(app);
    parser.add(Settings{});
    const std::string help = app.help();
    INFO(help);
    for (const char* text : {"inputs TEXT", "--steps INT:POSITIVE=0", "Training:", "--loud BOOLEAN=true",
                             "--constraint TEXT:{none,norm}=norm", "=auto", "--colour TEXT:{red,green}=green",
                             "--backend TEXT:{native,other}", "--term TEXT"})
        CHECK(help.find(text) != std::string::npos);
    CHECK(help.find("hidden") == std::string::npos);
}

TEST_CASE("a number or a range is parsed, and others are refused") {
    CHECK(parsed({"--width", "3"}).width == NumberOrRange(3.0));
    CHECK(parsed({"--width", "0.5:1.5"}).width == NumberOrRange(0.5, 1.5));
    CHECK(parsed({"--height", "-1:2e1"}).height == NumberOrRange(-1.0, 20.0));
    CHECK(parsed({}).height == NumberOrRange(1.0, 2.0));
    for (const char* wrong : {"0:1", "2:1", "1:", ":1", "1:2:3", "nan", "1:inf", "x", "-1"}) {
        INFO(wrong);
        CHECK(refusal({"--width", wrong}).find("--width") != std::string::npos);
    }
}
