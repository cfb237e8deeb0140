#include "base/options_json.hpp"

#include "base/error.hpp"
#include "tests/catch.hpp"

using namespace dnsp;
using nlohmann::json;

namespace {

enum class Colour { red, green };

struct Inner {
    double weight = 0.5;
    std::string shape = "round";
    void visit(OptionVisitor& v) {
        v.option({.key = "weight", .range = Range::positive}, weight);
        v.option({.key = "shape", .choices = {"round", "square"}}, shape);
    }
};

struct Outer {
    bool loud = true;
    int steps = 3;
    std::uint64_t seed = 1;
    Colour colour = Colour::red;
    std::vector<std::string> names = {"a"};
    std::map<std::string, double> terms;
    Inner inner;
    void visit(OptionVisitor& v) {
        v.option({.key = "loud"}, loud);
        v.option({.key = "steps", .range = Range::non_negative, .may_change_on_resume = true}, steps);
        v.option({.key = "seed"}, seed);
        v.option({.key = "colour"}, colour, {{"red", Colour::red}, {"green", Colour::green}});
        v.option({.key = "names"}, names);
        v.option({.key = "terms"}, terms);
        v.nested("inner", [&] { inner.visit(v); });
    }
};

const json full = json::parse(R"({"loud": false, "steps": 7, "seed": 18446744073709551615, "colour": "green",
    "names": ["b", "c"], "terms": {"x": -0.25}, "inner": {"weight": 2.5, "shape": "square"}})");

Outer read(const json& object) {
    Outer options;
    OptionReader reader(object);
    options.visit(reader);
    return options;
}

std::string refusal(const json& change) {
    json object = full;
    object.merge_patch(change);
    try {
        read(object);
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

std::string unknown_key(const json& object) {
    Outer options;
    OptionReader reader(object);
    options.visit(reader);
    return reader.unknown_key();
}

}  // namespace

TEST_CASE("options are written and read under their keys") {
    const Outer options = read(full);
    CHECK_FALSE(options.loud);
    CHECK(options.steps == 7);
    CHECK(options.seed == 18446744073709551615ull);
    CHECK(options.colour == Colour::green);
    CHECK(options.names == std::vector<std::string>{"b", "c"});
    CHECK(options.terms == std::map<std::string, double>{{"x", -0.25}});
    CHECK(options.inner.weight == 2.5);
    CHECK(options.inner.shape == "square");
    CHECK(to_json(options) == full);
}

TEST_CASE("an option keeps its default if its key is missing") {
    CHECK(to_json(read(json::object())) == to_json(Outer{}));
    const Outer options = read({{"inner", {{"weight", 4}}}});
    CHECK(options.inner.weight == 4.0);
    CHECK(options.inner.shape == "round");
    CHECK(options.steps == 3);
}

TEST_CASE("a value of another type, out of range or not among the choices is refused with the key") {
    CHECK(refusal({{"loud", 1}}) == "[options] loud: expected true or false, got 1");
    CHECK(refusal({{"steps", 1.5}}) == "[options] steps: expected an integer, got 1.5");
    CHECK(refusal({{"steps", 5000000000}}) == "[options] steps: expected an integer, got 5000000000");
    CHECK(refusal({{"steps", -1}}) == "[options] steps: expected a number of at least 0, got -1");
    CHECK(refusal({{"seed", -1}}) == "[options] seed: expected an integer of at least 0, got -1");
    CHECK(refusal({{"colour", "blue"}}) == "[options] colour: expected one of red, green, got \"blue\"");
    CHECK(refusal({{"names", {1, 2}}}) == "[options] names: expected an array of strings, got [1,2]");
    CHECK(refusal({{"terms", {{"x", "y"}}}}) ==
          "[options] terms: expected an object of numbers, got {\"x\":\"y\"}");
    CHECK(refusal({{"inner", {{"weight", 0}}}}) ==
          "[options] inner.weight: expected a positive number, got 0");
    CHECK(refusal({{"inner", {{"shape", "flat"}}}}) ==
          "[options] inner.shape: expected one of round, square, got \"flat\"");
    CHECK(refusal({{"inner", 3}}) == "[options] inner: expected an object, got 3");
    CHECK_THROWS_AS(OptionReader(json::array()), Error);
}

TEST_CASE("a key that no option reads is reported") {
    CHECK(unknown_key(full).empty());
    CHECK(unknown_key({{"inner", {{"delta", 1}}}}) == "inner.delta");
    CHECK(unknown_key({{"steps", 1}, {"extra", 1}}) == "extra");
}

TEST_CASE("a resumed run may change only options declared with may_change_on_resume") {
    Outer recorded = read(full), given = recorded;
    given.steps = 9;
    CHECK_FALSE(change_on_resume(recorded, given));
    given.inner.weight = 3;
    const auto change = change_on_resume(recorded, given);
    REQUIRE(change);
    CHECK(change->key == "inner.weight");
    CHECK(change->recorded == "2.5");
    CHECK(change->given == "3.0");
    given = recorded;
    given.terms["y"] = 1;
    CHECK(change_on_resume(recorded, given)->key == "terms.y");
    CHECK(change_on_resume(recorded, given)->recorded == "nothing");
    given = recorded;
    given.names = {"b"};
    CHECK(change_on_resume(recorded, given)->given == "[\"b\"]");
}

TEST_CASE("a set of options holds one struct of each type, and copies are independent") {
    OptionSet set;
    CHECK_THROWS_AS(set.get<Inner>(), Error);
    set.declare<Inner>();
    set.get<Inner>().weight = 7;
    set.declare<Inner>();
    OptionSet copy = set;
    copy.get<Inner>().weight = 8;
    CHECK(set.get<Inner>().weight == 7);
    OptionWriter writer;
    copy.visit(writer);
    CHECK(writer.json == json({{"weight", 8.0}, {"shape", "round"}}));
}

TEST_CASE("a changed option that nothing reads is refused by its flag") {
    struct Used {
        double gain = 1.0;
        void visit(OptionVisitor& v) { v.option({.key = "gain", .flag = "--gain"}, gain); }
    };
    struct Unused {
        double loss = 2.0;
        void visit(OptionVisitor& v) { v.option({.key = "loss", .flag = "--loss"}, loss); }
    };
    const auto set_of = [](double gain, double loss) {
        OptionSet set;
        OptionReader reader({{"gain", gain}, {"loss", loss}});
        set.declare<Used>();
        set.declare<Unused>();
        set.visit(reader);
        const OptionSet copy = set;
        CHECK(copy.get<Used>().gain == gain);
        return set;
    };
    CHECK_NOTHROW(require_options_used(set_of(3.0, 2.0), "--model small"));
    try {
        require_options_used(set_of(3.0, 4.0), "--model small");
        FAIL("not refused");
    } catch (const Error& error) {
        CHECK(std::string(error.what()) == "--loss has no effect with --model small");
    }
}

TEST_CASE("a number or range is a number or an array of two") {
    struct Options {
        NumberOrRange width = 2.0;
        void visit(OptionVisitor& v) { v.option({.key = "width", .range = Range::positive}, width); }
    };
    const auto read_width = [](const json& object) {
        Options options;
        OptionReader reader(object);
        options.visit(reader);
        return options.width;
    };
    CHECK(to_json(Options{}) == json{{"width", 2.0}});
    CHECK(to_json(Options{{0.5, 1.5}}) == json{{"width", {0.5, 1.5}}});
    CHECK(read_width({{"width", {0.5, 1.5}}}) == NumberOrRange(0.5, 1.5));
    CHECK(read_width({{"width", 3}}) == NumberOrRange(3.0));
    CHECK(read_width(json::object()) == NumberOrRange(2.0));
    for (const json& wrong : {json("wide"), json({1.0}), json({2.0, 1.0}), json({0.0, 1.0}), json(-1.0)}) {
        INFO(wrong.dump());
        CHECK_THROWS_AS(read_width({{"width", wrong}}), Error);
    }
}
