// Shows that ThreadSanitizer sees the barriers of OpenMP: with the argument "race", threads add to one
// variable at once; without it, each adds to its own, and the sum is made after the loop.
#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    const bool race = argc > 1 && std::string(argv[1]) == "race";
    std::vector<double> sums(1000, 0.0);
    for (int round = 0; round < 100; ++round) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < 1000; ++i) sums[static_cast<std::size_t>(race ? 0 : i)] += i;
#pragma omp parallel for schedule(static)
        for (int i = 0; i < 1000; ++i) sums[static_cast<std::size_t>(race ? 0 : 999 - i)] *= 0.5;
    }
    double total = 0.0;
    for (const double sum : sums) total += sum;
    std::printf("%g\n", total);
}
