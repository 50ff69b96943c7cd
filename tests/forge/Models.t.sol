// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec} from "./Spec.sol";

/// @notice registerModel: terms are registered once, by their owner, with an oracle and bounded windows.
contract RegisterModelTest is Spec {
    function registerCall(ModelTerms memory terms, address oracle_) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.registerModel, (terms, oracle_));
    }

    function test_TheOwnerRegistersItsTerms() external {
        ModelTerms memory terms = termsWith(BOND, true);
        bytes memory call_ = registerCall(terms, oracle);
        bytes32 modelId = settlement.modelIdOf(terms);

        expectEvent();
        emit ISettlement.ModelRegistered(modelId, buyer, oracle, terms);
        bytes memory answer = perform(buyer, call_);

        equal(abi.decode(answer, (bytes32)), modelId);
        (address current, uint256 budget, bool registered) = settlement.modelState(modelId);
        equal(current, oracle);
        equal(budget, 0);
        assert(registered);
    }

    function test_WhatNobodyRegisteredIsEmpty() external view {
        (address current, uint256 budget, bool registered) = settlement.modelState("nowhere");
        equal(current, NOBODY);
        equal(budget, 0);
        assert(!registered);
    }

    function test_NobodyRegistersForAnother() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(stranger, registerCall(terms, oracle), notOwner(stranger));
        refuses(oracle, registerCall(terms, oracle), notOwner(oracle));
    }

    function test_AModelBeginsWithAnOracle() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(buyer, registerCall(terms, address(0)), zeroAddress());
        refuses(buyer, registerCall(terms, address(1)), zeroAddress());
        perform(buyer, registerCall(terms, address(2)));
    }

    function test_WindowsKeepToTheirBounds() external {
        uint256[2] memory permitted = [uint256(1 hours), 30 days];
        uint256[5] memory refused = [uint256(0), 1 hours - 1, 30 days + 1, 2 ** 32 + 1 hours, type(uint256).max];
        for (uint256 i = 0; i < refused.length; i++) {
            bytes memory expected =
                abi.encodeWithSelector(ISettlement.WindowOutOfBounds.selector, refused[i], 1 hours, 30 days);
            refuses(buyer, registerCall(withWindows(refused[i], 1 hours), oracle), expected);
            refuses(buyer, registerCall(withWindows(1 hours, refused[i]), oracle), expected);
        }
        for (uint256 i = 0; i < permitted.length; i++) {
            perform(buyer, registerCall(withWindows(permitted[i], 2 hours), oracle));
            perform(buyer, registerCall(withWindows(2 hours, permitted[i]), oracle));
        }
    }

    function withWindows(uint256 reveal, uint256 dispute) internal view returns (ModelTerms memory terms) {
        terms = termsWith(0, false);
        (terms.revealWindow, terms.disputeWindow) = (reveal, dispute);
    }

    /// @dev What a seller's bond brings to a full budget has to fit together with the price.
    function test_ASellersBondHas96BitsAtMost() external {
        ModelTerms memory terms = termsWith(type(uint96).max, false);
        perform(buyer, registerCall(terms, oracle));
        uint256[2] memory refused = [uint256(2 ** 96), type(uint256).max];
        for (uint256 i = 0; i < refused.length; i++) {
            terms.sellerBond = refused[i];
            refuses(
                buyer,
                registerCall(terms, oracle),
                abi.encodeWithSelector(ISettlement.AmountTooLarge.selector, refused[i], type(uint96).max)
            );
        }
    }

    function test_TermsAreRegisteredOnce() external {
        ModelTerms memory terms = termsWith(0, false);
        register(terms);
        bytes memory expected = abi.encodeWithSelector(ISettlement.ModelExists.selector, idOf(terms));

        refuses(buyer, registerCall(terms, oracle), expected);
        refuses(buyer, registerCall(terms, stranger), expected);
        perform(buyer, abi.encodeCall(settlement.setOracle, (terms, NOBODY)));
        refuses(buyer, registerCall(terms, stranger), expected);
    }

    function test_AnotherSaltMakesAnotherModel() external {
        ModelTerms memory terms = termsWith(0, false);
        ModelTerms memory other = termsWith(0, false);
        other.salt = "other";
        register(terms);
        register(other);

        fund(other, 7);

        equal(budgetOf(terms), 0);
        equal(budgetOf(other), 7);
    }
}

/// @notice setOracle: the owner replaces the oracle or halts the model; a replaced oracle never comes back.
contract SetOracleTest is Spec {
    address internal constant NEXT = address(0xE);

    ModelTerms internal terms;

    function setUp() public override {
        super.setUp();
        terms = opened();
    }

    function setCall(address next) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.setOracle, (terms, next));
    }

    function changes(address previous, address next) internal {
        bytes memory call_ = setCall(next);
        expectEvent();
        emit ISettlement.OracleChanged(idOf(terms), previous, next);
        perform(buyer, call_);
        (address current, uint256 budget, bool registered) = settlement.modelState(idOf(terms));
        equal(current, next);
        equal(budget, 1 ether);
        assert(registered);
    }

    function isRevoked(ModelTerms memory model, address account) internal view returns (bool revoked_) {
        (,, revoked_) = settlement.oracleState(idOf(model), account);
    }

    function isRevoked(address account) internal view returns (bool) {
        return isRevoked(terms, account);
    }

    function revoked(address account) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.OracleRevoked.selector, account);
    }

    function unchanged(address account) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.OracleUnchanged.selector, account);
    }

    function test_TheOwnerNamesTheNext() external {
        assert(!isRevoked(oracle));

        changes(oracle, NEXT);

        assert(isRevoked(oracle));
        assert(!isRevoked(NEXT));
    }

    function test_AReplacedOracleNeverComesBack() external {
        changes(oracle, NEXT);
        refuses(buyer, setCall(oracle), revoked(oracle));
        changes(NEXT, stranger);
        refuses(buyer, setCall(oracle), revoked(oracle));
        refuses(buyer, setCall(NEXT), revoked(NEXT));
    }

    function test_AnOracleIsRevokedForOneModel() external {
        ModelTerms memory other = termsWith(0, false);
        other.salt = "other";
        register(other);

        changes(oracle, NEXT);

        assert(!isRevoked(other, oracle));
    }

    function test_AHaltedModelGoesOnWithANewOracleOnly() external {
        changes(oracle, NOBODY);
        refuses(buyer, setCall(oracle), revoked(oracle));
        changes(NOBODY, NEXT);
    }

    function test_AModelIsHaltedAsOftenAsItTakes() external {
        changes(oracle, NOBODY);
        changes(NOBODY, NEXT);
        assert(!isRevoked(address(1)));
        changes(NEXT, NOBODY);
    }

    /// @dev The address that stands for "no oracle" in storage may also be named: it is shown as nobody.
    function test_NamingTheStandInHaltsToo() external {
        expectEvent();
        emit ISettlement.OracleChanged(idOf(terms), oracle, NOBODY);
        perform(buyer, setCall(address(1)));
        refuses(buyer, setCall(address(1)), unchanged(address(1)));
    }

    function test_NoChangeIsRefused() external {
        refuses(buyer, setCall(oracle), unchanged(oracle));
        changes(oracle, NOBODY);
        refuses(buyer, setCall(NOBODY), unchanged(NOBODY));
    }

    function test_NobodyButTheOwnerChangesIt() external {
        refuses(stranger, setCall(NEXT), notOwner(stranger));
        refuses(oracle, setCall(NEXT), notOwner(oracle));
    }

    function test_AModelThatNobodyRegisteredHasNone() external {
        ModelTerms memory unknown = termsWith(1, false);
        refuses(buyer, abi.encodeCall(settlement.setOracle, (unknown, NEXT)), modelUnknown(unknown));
    }

    function test_QuotesOfThePreviousOracleStopAtOnceAndThoseOfTheNextCount() external {
        Sale memory sale = agree(terms);
        changes(oracle, seller);
        bytes memory expected = abi.encodeWithSelector(ISettlement.QuoteSignatureInvalid.selector, seller);

        refuses(stranger, postCall(sale), expected);
        perform(stranger, postCall(sale, quoteSignature(sale, SELLER_KEY), acceptance(sale, SELLER_KEY)));
    }

    function test_AHaltedModelAcceptsNoQuotes() external {
        Sale memory sale = agree(terms);
        changes(oracle, NOBODY);

        refuses(stranger, postCall(sale), abi.encodeWithSelector(ISettlement.ModelHalted.selector, idOf(terms)));
    }

    function test_OrdersPostedBeforeGoOn() external {
        Sale memory sale = lock(agree(terms));
        perform(buyer, setCall(NEXT));

        reveal(sale);
    }
}
