#pragma once

// Kingma and Ba (2015), Algorithm 1, line by line in double precision.
#include <cmath>
#include <vector>

namespace dnsp::reference {

struct Adam {
    double alpha, beta1, beta2, epsilon;
    std::vector<double> theta;
    std::vector<double> m = std::vector<double>(theta.size(), 0.0);
    std::vector<double> v = std::vector<double>(theta.size(), 0.0);
    int t = 0;

    void step(const std::vector<double>& g) {
        ++t;
        for (std::size_t i = 0; i < theta.size(); ++i) {
            m[i] = beta1 * m[i] + (1 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
            const double m_hat = m[i] / (1 - std::pow(beta1, t));
            const double v_hat = v[i] / (1 - std::pow(beta2, t));
            theta[i] -= alpha * m_hat / (std::sqrt(v_hat) + epsilon);
        }
    }
};

}  // namespace dnsp::reference
