// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec} from "./Spec.sol";

/// @notice Helpers of the tests of oracles' bonds.
abstract contract BondSpec is Spec {
    uint256 internal constant DELAY = 7 days;

    function hasBond(ModelTerms memory terms, uint256 amount, uint256 unlocksAt) internal view {
        (uint256 amount_, uint256 unlocksAt_,) = settlement.oracleState(idOf(terms), oracle);
        equal(amount_, amount);
        equal(unlocksAt_, unlocksAt);
    }

    function isRevoked(ModelTerms memory terms) internal view {
        (,, bool revoked) = settlement.oracleState(idOf(terms), oracle);
        assert(revoked);
    }

    function bondCall(ModelTerms memory terms, uint256 amount) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.bondOracle, (terms, oracle, amount));
    }

    function exitCall(ModelTerms memory terms) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.requestOracleBondExit, (idOf(terms)));
    }

    function tooSmall(uint256 required, uint256 available) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.OracleBondTooSmall.selector, required, available);
    }

    function exiting(uint256 unlocksAt) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.OracleBondExiting.selector, unlocksAt);
    }
}

/// @notice bondOracle, and the bond that `post` asks for.
contract BondOracleTest is BondSpec {
    function test_MoneyOfEveryKindBecomesTheBond() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            ModelTerms memory terms = termsWith(0, false);
            terms.token = kinds[i];
            register(terms);
            bytes memory call_ = bondCall(terms, 7);

            expectEvent();
            emit ISettlement.OracleBonded(idOf(terms), oracle, 7);
            perform(buyer, valueOf(kinds[i], 7), call_);

            hasBond(terms, 7, 0);
            equal(held(kinds[i], address(settlement)), 7);
            equal(budgetOf(terms), 0);
        }
    }

    function test_BondsAddUpWhoeverPays() external {
        ModelTerms memory terms = opened();
        VM.deal(stranger, 4);
        bondOracle(terms, 3);
        perform(stranger, 4, bondCall(terms, 4));
        hasBond(terms, 7, 0);
    }

    function test_ABondIsOfOneModelAndOneOracle() external {
        ModelTerms memory terms = opened();
        ModelTerms memory other = termsWith(0, true);
        register(other);
        bondOracle(terms, 3);

        hasBond(other, 0, 0);
        (uint256 strangers,,) = settlement.oracleState(idOf(terms), stranger);
        equal(strangers, 0);
    }

    function test_NothingIsNoAmount() external {
        refuses(buyer, bondCall(opened(), 0), zeroAmount());
    }

    function test_AModelThatNobodyRegisteredIsRefused() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(buyer, 1, bondCall(terms, 1), modelUnknown(terms));
    }

    function test_ABondHolds96Bits() external {
        ModelTerms memory terms = opened();
        VM.deal(buyer, type(uint256).max);
        bondOracle(terms, 5);

        refusesAmount(terms, MAX_BUDGET - 4, MAX_BUDGET - 5);
        bondOracle(terms, MAX_BUDGET - 5);

        hasBond(terms, MAX_BUDGET, 0);
        refusesAmount(terms, 1, 0);
        refusesAmount(terms, 2 ** 96, 0);
    }

    function refusesAmount(ModelTerms memory terms, uint256 amount, uint256 room) internal {
        bytes memory expected = abi.encodeWithSelector(ISettlement.AmountTooLarge.selector, amount, room);
        refuses(buyer, amount, bondCall(terms, amount), expected);
    }

    function test_ABondThatIsLeavingIsNotAddedTo() external {
        ModelTerms memory terms = opened();
        bondOracle(terms, 3);
        perform(oracle, exitCall(terms));

        refuses(buyer, 1, bondCall(terms, 1), exiting(START + DELAY));
    }

    function test_ABondThatNobodyCouldTakeOutIsRefused() external {
        ModelTerms memory terms = opened();

        refuses(buyer, 1, abi.encodeCall(settlement.bondOracle, (terms, address(0), 1)), zeroAddress());
        refuses(buyer, 1, abi.encodeCall(settlement.bondOracle, (terms, address(1), 1)), zeroAddress());
    }

    function test_AQuoteCountsWithTheBondThatTheTermsAskForAndNoLess() external {
        ModelTerms memory terms = termsWith(0, false);
        terms.oracleBond = 10;
        opened(terms);
        bytes memory call_ = postCall(agree(terms));

        refuses(stranger, call_, tooSmall(10, 0));
        bondOracle(terms, 9);
        refuses(stranger, call_, tooSmall(10, 9));
        bondOracle(terms, 1);
        perform(stranger, call_);
    }

    function test_OneUnitIsABondToo() external {
        ModelTerms memory terms = termsWith(0, false);
        terms.oracleBond = 1;
        opened(terms);
        bytes memory call_ = postCall(agree(terms));

        refuses(stranger, call_, tooSmall(1, 0));
        bondOracle(terms, 1);
        perform(stranger, call_);
    }

    function test_NoBondIsLargeEnoughForTermsThatAskForMoreThanABondHolds() external {
        ModelTerms memory terms = termsWith(0, false);
        terms.oracleBond = 2 ** 96 + 10;
        opened(terms);
        bondOracle(terms, 10);
        refuses(stranger, postCall(agree(terms)), tooSmall(2 ** 96 + 10, 10));
    }

    function test_AQuoteDoesNotCountWhileTheBondIsLeaving() external {
        ModelTerms memory terms = termsWith(0, false);
        terms.oracleBond = 10;
        opened(terms);
        bondOracle(terms, 10);
        perform(oracle, exitCall(terms));

        refuses(stranger, postCall(agree(terms)), exiting(START + DELAY));
    }

    function test_WhereNoneIsAskedForABondThatIsLeavingIsNotLookedAt() external {
        ModelTerms memory terms = opened();
        bondOracle(terms, 10);
        perform(oracle, exitCall(terms));

        lock(agree(terms));
    }
}

/// @notice requestOracleBondExit and withdrawOracleBond: a bond leaves seven days after it was asked for.
contract OracleBondExitTest is BondSpec {
    ModelTerms internal terms;

    function setUp() public override {
        super.setUp();
        terms = opened();
    }

    function withdrawCall() internal view returns (bytes memory) {
        return abi.encodeCall(settlement.withdrawOracleBond, (terms));
    }

    function bondLocked(uint256 unlocksAt) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.OracleBondLocked.selector, unlocksAt);
    }

    function test_TheOracleAsksForIt() external {
        bondOracle(terms, 7);
        bytes memory call_ = exitCall(terms);

        expectEvent();
        emit ISettlement.OracleBondExitRequested(idOf(terms), oracle, START + DELAY);
        perform(oracle, call_);

        hasBond(terms, 7, START + DELAY);
    }

    function test_WhoHasNoneHasNothingToAskFor() external {
        bondOracle(terms, 7);
        refuses(stranger, exitCall(terms), tooSmall(1, 0));
        refuses(buyer, exitCall(terms), tooSmall(1, 0));
        refuses(stranger, withdrawCall(), tooSmall(1, 0));
    }

    function test_AskingAgainDoesNotPutItOff() external {
        bondOracle(terms, 7);
        perform(oracle, exitCall(terms));
        VM.warp(START + 1 days);

        refuses(oracle, exitCall(terms), exiting(START + DELAY));
    }

    function test_ItIsCreditedTheSecondAfterTheDelay() external {
        bondOracle(terms, 7);
        bytes memory call_ = withdrawCall();
        perform(oracle, exitCall(terms));
        VM.warp(START + DELAY);
        refuses(oracle, call_, bondLocked(START + DELAY));
        VM.warp(START + DELAY + 1);

        expectCredited(NATIVE, oracle, 7);
        expectEvent();
        emit ISettlement.OracleBondWithdrawn(idOf(terms), oracle, 7);
        perform(oracle, call_);

        hasBond(terms, 0, 0);
        equal(settlement.creditOf(NATIVE, oracle), 7);
        refuses(oracle, call_, tooSmall(1, 0));
    }

    function test_ItIsNotWithdrawnUnasked() external {
        bondOracle(terms, 7);
        refuses(oracle, withdrawCall(), bondLocked(0));
        VM.warp(START + 365 days);
        refuses(oracle, withdrawCall(), bondLocked(0));
    }

    function test_AnOracleThatHasLeftMayComeBackWithANewBond() external {
        bondOracle(terms, 7);
        perform(oracle, exitCall(terms));
        VM.warp(START + DELAY + 1);
        perform(oracle, withdrawCall());

        bondOracle(terms, 2);

        hasBond(terms, 2, 0);
    }

    function test_AReplacedOracleStaysReplacedWhateverItsBondDoes() external {
        perform(buyer, abi.encodeCall(settlement.setOracle, (terms, stranger)));
        bondOracle(terms, 7);
        isRevoked(terms);
        perform(oracle, exitCall(terms));
        VM.warp(START + DELAY + 1);
        isRevoked(terms);

        perform(oracle, withdrawCall());

        isRevoked(terms);
        refuses(
            buyer,
            abi.encodeCall(settlement.setOracle, (terms, oracle)),
            abi.encodeWithSelector(ISettlement.OracleRevoked.selector, oracle)
        );
    }

    function test_ABondIsCreditedInTheModelsToken() external {
        terms.token = currencies()[1];
        register(terms);
        bondOracle(terms, 7);
        perform(oracle, exitCall(terms));
        VM.warp(START + DELAY + 1);

        perform(oracle, withdrawCall());

        equal(settlement.creditOf(terms.token, oracle), 7);
    }
}

/// @notice reportEquivocation: two signed quotes for one pair cost the oracle its bond.
contract ReportEquivocationTest is BondSpec {
    ModelTerms internal terms;

    function setUp() public override {
        super.setUp();
        terms = opened();
    }

    function bonded() internal {
        bondOracle(terms, 3 ether);
    }

    function dearer() internal view returns (Sale memory sale) {
        sale = agree(terms);
        sale.quote.price = PRICE + 1;
    }

    function reportCall(Sale memory first, Sale memory second) internal view returns (bytes memory) {
        return reportCall(first, ORACLE_KEY, second, ORACLE_KEY);
    }

    function reportCall(Sale memory first, uint256 firstSigner, Sale memory second, uint256 secondSigner)
        internal
        view
        returns (bytes memory)
    {
        bytes memory signature = quoteSignature(first, firstSigner);
        bytes memory other = quoteSignature(second, secondSigner);
        return
            abi.encodeCall(
                settlement.reportEquivocation, (terms, oracle, [first.quote, second.quote], [signature, other])
            );
    }

    function slashes(Sale memory first, Sale memory second) internal {
        uint256 before = budgetOf(terms);
        bytes memory call_ = reportCall(first, second);
        expectEvent();
        emit ISettlement.OracleSlashed(idOf(terms), first.quote.contentId, oracle, 3 ether);
        perform(stranger, call_);
        equal(budgetOf(terms), before + 3 ether);
        hasBond(terms, 0, 0);
    }

    function isNone(Sale memory first, Sale memory second) internal {
        refuses(stranger, reportCall(first, second), abi.encodeWithSelector(ISettlement.NotEquivocation.selector));
    }

    function test_TwoPrices() external {
        bonded();
        slashes(agree(terms), dearer());
    }

    function test_TwoCommitments() external {
        bonded();
        Sale memory other = agree(terms);
        other.quote.dataRoot = "salted anew";
        slashes(agree(terms), other);
    }

    function test_TwoSellers() external {
        bonded();
        Sale memory other = agree(terms);
        other.quote.seller = stranger;
        slashes(agree(terms), other);
    }

    function test_TheBondIsInTheModelsToken() external {
        terms.token = currencies()[1];
        opened(terms);
        bonded();
        slashes(agree(terms), dearer());
    }

    function test_AQuoteRenewedOrExplainedAnewIsNone() external {
        bonded();
        Sale memory other = agree(terms);
        isNone(agree(terms), other);
        other.quote.expiry++;
        isNone(agree(terms), other);
        other.quote.evaluation = "written anew";
        isNone(agree(terms), other);
    }

    function test_QuotesForTwoContentsAreNone() external {
        bonded();
        Sale memory other = dearer();
        other.quote.contentId = "other content";
        isNone(agree(terms), other);
    }

    function test_QuotesForAnotherModelAreNotTakenForThisOne() external {
        bonded();
        Sale memory elsewhere = dearer();
        elsewhere.quote.modelId = "elsewhere";
        bytes memory expected =
            abi.encodeWithSelector(ISettlement.ModelMismatch.selector, idOf(terms), bytes32("elsewhere"));

        refuses(stranger, reportCall(agree(terms), elsewhere), expected);
        refuses(stranger, reportCall(elsewhere, agree(terms)), expected);
    }

    function test_WhatTheOracleDidNotSignProvesNothing() external {
        bonded();
        bytes memory expected = abi.encodeWithSelector(ISettlement.QuoteSignatureInvalid.selector, oracle);

        refuses(stranger, reportCall(agree(terms), SELLER_KEY, dearer(), ORACLE_KEY), expected);
        refuses(stranger, reportCall(agree(terms), ORACLE_KEY, dearer(), SELLER_KEY), expected);
        refuses(oracle, reportCall(agree(terms), SELLER_KEY, dearer(), ORACLE_KEY), expected);
    }

    function test_AnOracleWithoutBondHasNothingToLose() external {
        refuses(stranger, reportCall(agree(terms), dearer()), tooSmall(1, 0));
    }

    function test_ABondIsLostOnce() external {
        bonded();
        slashes(agree(terms), dearer());
        refuses(stranger, reportCall(agree(terms), dearer()), tooSmall(1, 0));
    }

    function test_ABondThatIsLeavingCanStillBeLost() external {
        bonded();
        perform(oracle, exitCall(terms));
        VM.warp(START + 365 days);

        slashes(agree(terms), dearer());
    }

    function test_ABondOfAReplacedOracleCanStillBeLost() external {
        bonded();
        perform(buyer, abi.encodeCall(settlement.setOracle, (terms, stranger)));
        hasBond(terms, 3 ether, 0);
        slashes(agree(terms), dearer());
        isRevoked(terms);
    }

    function test_AQuoteThatWasPostedStillProvesItAndOneThatExpired() external {
        bonded();
        Sale memory posted = lock(agree(terms));
        VM.warp(START + 365 days);
        slashes(posted, dearer());
    }

    function test_ABudgetThatIsFullSendsTheBondToTheOwnersCredit() external {
        bonded();
        fillBudget(terms);
        bytes memory call_ = reportCall(agree(terms), dearer());

        expectCredited(NATIVE, buyer, 3 ether);
        perform(stranger, call_);

        equal(budgetOf(terms), MAX_BUDGET);
        equal(settlement.creditOf(NATIVE, buyer), 3 ether);
    }
}
