#include "engine/tensor.hpp"

#include "engine/device.hpp"
#include "tests/catch.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;

TEST_CASE("a shape has extents, a number of elements and a text") {
    const Shape image{64, 40, 39, 1};
    CHECK(image.rank() == 4);
    CHECK(image[2] == 39);
    CHECK(image.elements() == 64 * 40 * 39);
    CHECK(image.text() == "[64, 40, 39, 1]");
    CHECK(Shape{}.elements() == 1);
    CHECK(Shape{}.text() == "[]");
    CHECK(Shape{3, 0}.elements() == 0);
    CHECK(Shape{2, 3} == Shape{2, 3});
    CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
    CHECK_FALSE(Shape{2} == Shape{2, 1});
    CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5}), Error);
    CHECK_THROWS_AS((Shape{-1}), Error);
}

TEST_CASE("copies of a tensor are handles to the same memory") {
    Tensor a = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
    const Tensor b = a;
    a.fill(7);
    CHECK(b.to_vector<float>() == std::vector<float>{7, 7, 7, 7});
    CHECK_FALSE(Tensor().defined());
}

TEST_CASE("a borrowed tensor uses memory of somebody else and leaves it alone") {
    std::vector<double> memory = {1, 2, 3, 4, 5, 6};
    const auto in_use = arena_statistics(Device{}).bytes_in_use;
    {
        const Tensor tensor = Tensor::borrow({2, 3}, DType::float64, Device{}, memory.data());
        CHECK(tensor.data<double>() == memory.data());
        CHECK(tensor.view(3, {3}).to_vector<double>() == std::vector<double>{4, 5, 6});
        tensor.fill(7.0);
        CHECK(arena_statistics(Device{}).bytes_in_use == in_use);
    }
    CHECK(memory == std::vector<double>(6, 7.0));
    CHECK_THROWS_AS(Tensor::borrow({2}, DType::float32, Device{}, nullptr), Error);
}

TEST_CASE("a view shares memory but no gradient") {
    Tensor whole = Tensor::from<double>({6}, {0, 1, 2, 3, 4, 5});
    whole.require_gradient();
    Tensor middle = whole.view(2, {1, 3});
    CHECK(middle.to_vector<double>() == std::vector<double>{2, 3, 4});
    CHECK_FALSE(middle.requires_gradient());
    middle.fill(-1);
    CHECK(whole.to_vector<double>() == std::vector<double>{0, 1, -1, -1, -1, 5});
    CHECK(middle.view(1, {2}).data<double>() == whole.data<double>() + 3);
    CHECK_THROWS_AS(whole.view(4, {3}), Error);
    CHECK_THROWS_AS(whole.view(-1, {3}), Error);
}

TEST_CASE("a tensor refuses the wrong type, shape or number of values") {
    const Tensor tensor = Tensor::zeros({2, 3}, DType::float32);
    CHECK_THROWS_AS(tensor.data<double>(), Error);
    CHECK_THROWS_AS(Tensor().data<float>(), Error);
    CHECK_THROWS_AS(tensor.item(), Error);
    CHECK_THROWS_AS(Tensor::from<float>({2, 3}, {1, 2}), Error);
    Tensor other = Tensor::zeros({3, 2}, DType::float32);
    CHECK_THROWS_AS(other.copy_from(tensor), Error);
    CHECK_THROWS_AS(Tensor::zeros({2, 3}, DType::float64).copy_from(tensor), Error);
    CHECK(Tensor::from<double>({1}, {2.5}).item() == 2.5);
}

TEST_CASE("auto gives a reason for its choice, and an absent device is an error") {
    CHECK(choose_device("cpu").device == Device{DeviceKind::cpu, 0});
    CHECK_FALSE(choose_device("auto").reason.empty());
    CHECK(to_string(Device{DeviceKind::cuda, 1}) == "cuda:1");
    CHECK(cpu_threads() >= 1);
    for (const char* name : {"", "gpu", "CPU", "cpu:0", "cudax"}) {
        INFO("device '" << name << "'");
        CHECK_THROWS_AS(choose_device(name), Error);
    }
    for (const char* malformed : {"cuda:x", "cuda:", "cuda:-1"})
        CHECK_THROWS_AS(choose_device(malformed), Error);
    try {
        choose_device("gpu");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("'gpu'") != std::string::npos);
        CHECK(std::string(error.what()).find("cuda:N") != std::string::npos);
    }
}

TEST_CASE("tensors are copied to the device, on the device and back without a change") {
    const Device device = dnsp::testing::test_device();
    const std::vector<float> values{1, -2, 3.5f, 0, 7, 1e-30f};
    const Tensor here = Tensor::from<float>({2, 3}, values);
    const Tensor there = here.to(device);
    CHECK(there.device() == device);
    Tensor twin = Tensor::empty_like(there);
    twin.copy_from(there);
    CHECK(twin.to_vector<float>() == values);
    CHECK(twin.to({}).to_vector<float>() == values);
    CHECK(twin.view(2, {2}).to_vector<float>() == std::vector<float>{3.5f, 0});
    twin.view(1, {2}).copy_from(Tensor::from<float>({2}, {8, 9}));
    CHECK(twin.to_vector<float>() == std::vector<float>{1, 8, 9, 0, 7, 1e-30f});
    twin.fill(4);
    CHECK(twin.to_vector<float>() == std::vector<float>(6, 4.0f));
    CHECK(there.to_vector<float>() == values);
    CHECK(Tensor::zeros({0}, DType::float32, device).to_vector<float>().empty());
}
