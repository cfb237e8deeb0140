#include "statistics/repeated_measures.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "statistics/distributions.hpp"

namespace dnsp::statistics {
namespace {

using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

MatrixXd matrix_of(const PersonTable& table) {
    require_table(table);
    MatrixXd matrix(static_cast<Eigen::Index>(table.size()), static_cast<Eigen::Index>(table[0].size()));
    for (std::size_t s = 0; s < table.size(); ++s)
        matrix.row(static_cast<Eigen::Index>(s)) =
            Eigen::Map<const RowVectorXd>(table[s].data(), static_cast<Eigen::Index>(table[s].size()));
    return matrix;
}

/// What of the persons' values is not the mean over methods: the part within persons.
MatrixXd within_persons(const MatrixXd& values) { return values.colwise() - values.rowwise().mean(); }

/// ε of a matrix proportional to the double-centred covariance S̃.
double greenhouse_geisser(const MatrixXd& centred_covariance) {
    const double trace = centred_covariance.trace(), squares = centred_covariance.squaredNorm();
    if (!(squares > 0)) return std::numeric_limits<double>::quiet_NaN();
    const auto k = static_cast<double>(centred_covariance.rows());
    return std::min(1.0, trace * trace / ((k - 1) * squares));
}

SphericityEffect sphericity_effect(double ss, double df, const ErrorTerm& error, double epsilon) {
    const Effect effect = effect_of(ss, df, error);
    const double p_gg =
        epsilon > 0 ? f_upper_p(effect.f, epsilon * df, epsilon * error.df) : epsilon;  // NaN stays NaN
    return {effect.f, df, error.df, effect.p, epsilon, p_gg};
}

}  // namespace

void require_table(const PersonTable& table) {
    require(table.size() >= 2, "[repeated measures] expected two persons or more");
    require(table.front().size() >= 2, "[repeated measures] expected two methods or more");
    for (const auto& row : table)
        require(row.size() == table.front().size(), "[repeated measures] a person lacks a method");
}

RepeatedMeasuresAnova repeated_measures_anova(const PersonTable& table) {
    const MatrixXd within = within_persons(matrix_of(table));
    const RowVectorXd methods = within.colwise().mean();
    const MatrixXd residuals = within.rowwise() - methods;
    const auto persons = static_cast<double>(within.rows()),
               method_df = static_cast<double>(within.cols() - 1);
    RepeatedMeasuresAnova result;
    result.error = error_of(residuals.squaredNorm(), method_df * (persons - 1));
    result.method = sphericity_effect(persons * methods.squaredNorm(), method_df, result.error,
                                      greenhouse_geisser(residuals.transpose() * residuals));
    return result;
}

SplitPlotAnova split_plot_anova(const std::vector<PersonTable>& datasets) {
    require(datasets.size() >= 2, "[split plot] expected two data sets or more");
    require_table(datasets.front());
    const auto k = static_cast<Eigen::Index>(datasets.front().front().size());
    RowVectorXd method_sum = RowVectorXd::Zero(k);
    std::vector<RowVectorXd> effects;  // of the methods, by data set
    MatrixXd covariance = MatrixXd::Zero(k, k);
    VectorXd counts(static_cast<Eigen::Index>(datasets.size())), means(counts.size());
    double between_error = 0.0;
    for (Eigen::Index d = 0; d < counts.size(); ++d) {
        const MatrixXd values = matrix_of(datasets[static_cast<std::size_t>(d)]);
        require(values.cols() == k, "[split plot] the data sets have different methods");
        const MatrixXd within = within_persons(values);
        effects.emplace_back(within.colwise().mean());
        const MatrixXd residuals = within.rowwise() - effects.back();
        covariance += residuals.transpose() * residuals;
        counts[d] = static_cast<double>(values.rows());
        means[d] = values.mean();
        method_sum += counts[d] * effects.back();
        between_error += static_cast<double>(k) * (values.rowwise().mean().array() - means[d]).square().sum();
    }
    const RowVectorXd method_effect = method_sum / counts.sum();
    double interaction_ss = 0.0;
    for (Eigen::Index d = 0; d < counts.size(); ++d)
        interaction_ss += counts[d] * (effects[static_cast<std::size_t>(d)] - method_effect).squaredNorm();
    const auto method_df = static_cast<double>(k - 1), dataset_df = static_cast<double>(counts.size() - 1);
    const double person_df = counts.sum() - static_cast<double>(counts.size());
    const double epsilon = greenhouse_geisser(covariance);
    const double mean = counts.dot(means) / counts.sum();

    SplitPlotAnova result;
    result.within_error = error_of(covariance.trace(), method_df * person_df);
    result.method = sphericity_effect(counts.sum() * method_effect.squaredNorm(), method_df,
                                      result.within_error, epsilon);
    result.interaction =
        sphericity_effect(interaction_ss, method_df * dataset_df, result.within_error, epsilon);
    result.between_error = error_of(between_error, person_df);
    result.dataset =
        effect_of(static_cast<double>(k) * (counts.array() * (means.array() - mean).square()).sum(),
                  dataset_df, result.between_error);
    return result;
}

}  // namespace dnsp::statistics
